import { maximum } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';

/** The latest time that a Date holds, in milliseconds since the epoch. */
const latest = 8_640_000_000_000_000n;

/** The longest that a timer of this process waits; one that is given more fires at once. */
const longestTimer = 2 ** 31 - 1;

/** A size or a rate from a peer. Throws `invalid` for more than int64. `what` names it in the message. */
export function readFigure(text: string | number, what: string): bigint {
  const figure = BigInt(text);
  if (figure <= maximum) return figure;
  throw new Failure('invalid', `${what} is ${figure}: more than any can be`);
}

/** A count, a percentage or a ratio from a peer. Throws `invalid` outside the bounds, and for what is no number. */
export function readNumber(number: number, what: string, [least, most]: readonly [number, number]): number {
  if (number >= least && number <= most) return number;
  throw new Failure('invalid', `${what} is ${number}: it must be from ${least} to ${most}`);
}

/** Milliseconds from a peer that a timer is to wait. */
export function readDelay(text: string | number, least = 0): number {
  return Math.min(longestTimer, Math.max(least, Number(text)));
}

/** Milliseconds since the epoch by a peer's clock; `undefined` where no Date can hold it. */
export function readTime(text: string): number | undefined {
  return BigInt(text) <= latest ? Number(text) : undefined;
}

/** The age of what a peer knows, as a time of ours: never before the epoch. */
export function readAge(text: string, now: number): number {
  return Math.max(0, now - Number(text));
}

/** Bytes of one message of the stream. A part of a report has 32 records of 5 KiB at the most; tiny entries are decoded within milliseconds. */
export const largestMessage = 256 * 1024;

/** Bytes of a request or of one message of a reply; the rest of the message is its envelope. */
export const largestPayload = largestMessage - 1024;
