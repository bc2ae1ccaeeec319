import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRateLimiter } from '../wire/rate-limiter.ts';

/** Messages, bytes and entries of reports that a node may send: at once, and a second. A full report of the largest node is within them. */
const rates = { messages: [2000, 500], bytes: [96 << 20, 8 << 20], entries: [50_000, 5000] } as const;

/** Entries of a report that are applied before other work gets its turn: a few milliseconds. */
const slice = 500;

/** How much the streams of one node may bring in together. */
export interface Intake {
  /** False: the node sends more messages or bytes than a node does. */
  admits(bytes: number): boolean;
  /** False: its reports have more entries than those of a node. */
  admitsEntries(entries: number): boolean;
  /** Whether all of its allowance is left: it need not be remembered. */
  rested(): boolean;
}

/** @param ticks milliseconds from any fixed moment */
export function createIntake(ticks: () => number): Intake {
  const limiter = ([burst, perSecond]: readonly [number, number]) => createRateLimiter(burst, perSecond, ticks);
  const [messages, bytes, entries] = [limiter(rates.messages), limiter(rates.bytes), limiter(rates.entries)];
  return {
    admits: (length) => messages.take() && bytes.take(length),
    admitsEntries: (count) => entries.take(count),
    rested: () => messages.full() && bytes.full() && entries.full(),
  };
}

interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/**
 * Takes the steps of a message: at once where they are few. A long report holds back what comes after it on its stream, and lets other work
 * have its turn after each slice. Stops when `over` says that the stream has ended.
 */
export async function takeSteps(
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
