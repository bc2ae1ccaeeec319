/** Random choices that a seed decides. */
export interface Random {
  /** A whole number from 0 to `count - 1`. */
  below(count: number): number;
  pick<T>(list: readonly T[]): T;
  chance(probability: number): boolean;
  /** Choices of their own: this generator goes on as if they were not made, so that a new kind of choice leaves the rounds of a seed that failed as they are. */
  apart(label: string): Random;
}

/** The choices of one round. They depend on the seed and the round alone, so that a run can begin at any round. */
export function createRandom(seed: number, round: number): Random {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(round + 1, 0xc2b2ae35)) >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new Error('there is nothing to pick from');
      return list[below(list.length)] as T;
    },
    chance: (probability) => next() < probability,
    apart: (label) => createRandom(seed ^ hashOf(label), round),
  };
}

/** FNV-1a. */
function hashOf(text: string): number {
  return Buffer.from(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5);
}
