import { setImmediate as nextTurn } from 'node:timers/promises';
import { RateLimiter } from '../wire/rate-limiter.ts';

/** Messages, bytes and entries of reports that a node may send: at once, and a second. A full report of the largest node is within them. */
const rates = { messages: [2000, 500], bytes: [96 << 20, 8 << 20], entries: [50_000, 5000] } as const;

/** Entries of a report that are applied before other work gets its turn: a few milliseconds. */
const slice = 500;

/** How much the streams of one node may send together. */
export class Intake {
  readonly #messages: RateLimiter;
  readonly #bytes: RateLimiter;
  readonly #entries: RateLimiter;

  /** @param ticks milliseconds from any fixed moment */
  constructor(ticks: () => number) {
    this.#messages = new RateLimiter(...rates.messages, ticks);
    this.#bytes = new RateLimiter(...rates.bytes, ticks);
    this.#entries = new RateLimiter(...rates.entries, ticks);
  }

  /** False: the node sends more messages or bytes than a node does. */
  admits(bytes: number): boolean {
    return this.#messages.take() && this.#bytes.take(bytes);
  }

  /** False: its reports have more entries than those of a node. */
  admitsEntries(entries: number): boolean {
    return this.#entries.take(entries);
  }

  /** Whether all of the allowance is left, so that it need not be remembered. */
  rested(): boolean {
    return this.#messages.full() && this.#bytes.full() && this.#entries.full();
  }
}

interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Runs the steps of a message. A long report pauses its stream, and lets other work run after each slice. Stops when `over` returns true:
 * the stream has ended.
 */
export async function runSteps(
  steps: Iterator<void, void>,
  entries: number,
  stream: Pausable,
  over: () => boolean,
): Promise<void> {
  const long = entries > slice;
  if (long) stream.pause();
  try {
    for (let done = 1; !steps.next().done; done += 1) {
      if (done % slice === 0) await nextTurn();
      if (over()) return;
    }
  } finally {
    if (long) stream.resume();
  }
}
