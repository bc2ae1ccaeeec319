import type { Random } from '../storm/random.ts';
import type { Entry } from './log-format.ts';

/** A state of the disks in which the power is cut. */
export interface Cut {
  /** The first so many entries of the log are on the disks. */
  readonly prefix: number;
  /** Then these entries too, in this order: writes that the cache of a disk had already written out. */
  readonly further: readonly number[];
  /** The operation was answered by then. */
  readonly acknowledged: boolean;
}

/** Names of the marks in the log. Each is written after a flush, so that no earlier write comes later in the log. */
export const marks = { begin: 'begin', answered: 'answered', end: 'end' } as const;

/**
 * Cuts of a disk without a cache, or with one that survives: after each write from the mark `begin` on. dm-log-writes notes a write when
 * the next flush comes, so a write before the answer may be noted after the mark `answered`: acknowledged is the state after `end` only.
 */
export function honestCuts(entries: readonly Entry[]): Cut[] {
  const [begin, end] = [indexOf(entries, marks.begin), indexOf(entries, marks.end)];
  const changing = entries.flatMap(({ kind }, index) => (kind === 'write' || kind === 'discard' ? [index + 1] : []));
  const within = changing.filter((prefix) => prefix > begin && prefix <= end);
  return [
    { prefix: begin, further: [], acknowledged: false },
    ...within.map((prefix) => ({ prefix, further: [], acknowledged: false })),
    { prefix: end, further: [], acknowledged: true },
  ];
}

/**
 * Cuts of disks with a volatile cache. All that a flush covered is there, and a random part of the later writes: of half of the cuts in their
 * order, of the others in any, which matters where they overlap. A write that is durable comes after all that was written before it. A
 * cut after the mark `answered` is acknowledged: what was flushed by then must be enough.
 */
export function cacheCuts(entries: readonly Entry[], random: Random, count: number): Cut[] {
  const [begin, answered, end] = [marks.begin, marks.answered, marks.end].map((label) => indexOf(entries, label)) as [
    number,
    number,
    number,
  ];
  return Array.from({ length: count }, () => {
    const at = begin + random.below(end - begin + 1);
    const flushed = lastFlush(entries, at);
    const durable = (index: number): boolean => entries[index]?.durable === true;
    const kept = range(flushed, at).filter(
      (index) => isWrite(entries[index]) && (durable(index) || random.chance(0.5)),
    );
    const further = random.chance(0.5) ? kept : shuffled(kept, durable, random);
    return { prefix: flushed, further, acknowledged: flushed > answered };
  });
}

/** So many of them at random places, evenly spread; always the last, which was answered. */
export function spread(cuts: readonly Cut[], most: number, random: Random): Cut[] {
  const step = cuts.length / most;
  const picked = Array.from({ length: most - 1 }, (_, index) => Math.floor((index + random.below(1000) / 1000) * step));
  return [...new Set([...picked, cuts.length - 1])].flatMap((index) => cuts[index] ?? []);
}

/** Each cut in one round: the first round has about `first` of them and the last one, evenly spread, each later round four times as many between them. */
export function inRounds(cuts: readonly Cut[], first: number): Cut[][] {
  const rounds: Cut[][] = [];
  const left = new Set(cuts);
  for (let many = first; left.size > 0; many *= 4) {
    const step = Math.max(1, Math.floor(cuts.length / many));
    const round = cuts.filter((cut, index) => left.has(cut) && (index % step === 0 || index === cuts.length - 1));
    for (const cut of round) left.delete(cut);
    rounds.push(round);
  }
  return rounds;
}

/** In a random order between one that is `fixed` and the next. */
function shuffled(indexes: readonly number[], fixed: (index: number) => boolean, random: Random): number[] {
  const order = [...indexes];
  let first = 0;
  for (let at = 0; at < order.length; at += 1) {
    if (fixed(order[at] as number)) {
      first = at + 1;
      continue;
    }
    const other = first + random.below(at - first + 1);
    [order[at], order[other]] = [order[other] as number, order[at] as number];
  }
  return order;
}

/** The index after the last flush, or mark, among the first `before` entries: what is earlier is on the medium. */
function lastFlush(entries: readonly Entry[], before: number): number {
  const settled = (entry: Entry): boolean => entry.kind === 'flush' || entry.kind === 'mark';
  return entries.slice(0, before).findLastIndex(settled) + 1;
}

function isWrite(entry: Entry | undefined): boolean {
  return entry?.kind === 'write' || entry?.kind === 'discard';
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

function indexOf(entries: readonly Entry[], label: string): number {
  const found = entries.findIndex((entry) => entry.kind === 'mark' && entry.label === label);
  if (found === -1) throw new Error(`the log has no mark "${label}"`);
  return found;
}
