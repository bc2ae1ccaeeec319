import type { Random } from '../storm/random.ts';

// Taken before a run replaces the timers.
const turn = setImmediate;

/** One of these is the weight of a channel: some are so slow that much else happens before their next event. */
const weights = [1, 1, 1, 0.3, 0.02];
/** The same for what comes from outside: calls, troubles, and the end of a trouble. */
const slowWeights = [0.3, 0.1, 0.03, 0.01];
/** More than any run needs. */
const mostSteps = 50_000;
/** Enough to see what goes round in a circle. */
const mostRecent = 20;

/** The schedule goes on for ever. */
export class Endless extends Error {
  /** @param recent the channels of its last steps */
  constructor(recent: readonly string[]) {
    super(`the schedule did not end within ${mostSteps} steps; the last were of: ${recent.join(', ')}`);
  }
}

/** Everything that may happen next, by channel; the events of a channel happen in their order. */
export class Schedule {
  readonly #channels = new Map<string, (() => void)[]>();
  readonly #weights = new Map<string, number>();
  /** Channels that are slow at any time. */
  readonly #late = new Set<string>();
  readonly #random: Random;
  /** The channels of the last steps. */
  readonly #recent: string[] = [];
  #steps = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Whether anything is still to happen. */
  get isBusy(): boolean {
    return this.#channels.size > 0;
  }

  add(channel: string, act: () => void): void {
    const events = this.#channels.get(channel) ?? [];
    this.#channels.set(channel, events);
    events.push(act);
  }

  /** Adds the event unless the channel has one. */
  once(channel: string, act: () => void): void {
    if (!this.#channels.has(channel)) this.add(channel, act);
  }

  /** Adds an event before which much else happens. */
  late(channel: string, act: () => void): void {
    this.#late.add(channel);
    this.add(channel, act);
  }

  /** Resolves when the schedule says so. */
  turn(channel: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.add(channel, resolve);
    return promise;
  }

  /** Drops what was to happen on a channel. */
  drop(channel: string): void {
    this.#channels.delete(channel);
  }

  /** Gives the channels other speeds. */
  shuffle(): void {
    this.#weights.clear();
  }

  /** Lets one event happen, and all that follows from it without another. False: there is none. @throws Endless */
  async step(): Promise<boolean> {
    const channel = this.#choose();
    if (channel === undefined) return false;
    const events = this.#channels.get(channel) ?? [];
    const act = events.shift();
    if (events.length === 0) this.#channels.delete(channel);
    this.#steps += 1;
    this.#recent.push(channel);
    if (this.#recent.length > mostRecent) this.#recent.shift();
    if (this.#steps > mostSteps) throw new Endless(this.#recent);
    act?.();
    await settled();
    return true;
  }

  #choose(): string | undefined {
    const channels = [...this.#channels.keys()];
    const sum = channels.reduce((total, channel) => total + this.#weightOf(channel), 0);
    let left = (this.#random.below(2 ** 30) / 2 ** 30) * sum;
    for (const channel of channels) {
      left -= this.#weightOf(channel);
      if (left < 0) return channel;
    }
    return channels.at(-1);
  }

  #weightOf(channel: string): number {
    const known = this.#weights.get(channel);
    if (known !== undefined) return known;
    const weight = this.#random.pick(this.#late.has(channel) ? slowWeights : weights);
    this.#weights.set(channel, weight);
    return weight;
  }
}

/** Resolves when every promise that can go on has gone on: nothing of a run waits for anything but its schedule. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void turn(resolve));
}
