import { status } from '@grpc/grpc-js';
import type { Log } from '../../log.ts';

/** Why a peer is turned away or cut off, as the metric counts it, and the code that it is told. */
export const refusalCodes = {
  /** No TLS, or none that came about: plain text, an old protocol, a peer that does not trust us. */
  handshake: status.UNAVAILABLE,
  /** No client certificate, or one that is expired or not of our authority, or that names no node. */
  certificate: status.UNAUTHENTICATED,
  /** No token, or one that is expired, foreign or not of our service account. */
  token: status.UNAUTHENTICATED,
  /** The token could not be checked now. */
  unchecked: status.UNAVAILABLE,
  /** It left before its credential was checked. */
  abandoned: status.CANCELLED,
  /** The token is in use by another process. */
  replay: status.UNAUTHENTICATED,
  /** The credential ran out and was not renewed. */
  expired: status.UNAUTHENTICATED,
  /** It spoke for a node that its credential does not name. */
  identity: status.PERMISSION_DENIED,
  driver: status.FAILED_PRECONDITION,
  version: status.FAILED_PRECONDITION,
  /** It sent what is no message of this protocol, or what cannot be true. */
  malformed: status.INVALID_ARGUMENT,
  /** It sent more than a node has to say. */
  flood: status.RESOURCE_EXHAUSTED,
  /** It took nothing of what it was sent. */
  stalled: status.ABORTED,
  /** It said nothing. */
  silent: status.DEADLINE_EXCEEDED,
} as const;

export type Reason = keyof typeof refusalCodes;

export interface Refusal {
  readonly reason: Reason;
  readonly message: string;
}

export interface Refusals {
  add(refusal: Refusal, fields: object): void;
  counts(): ReadonlyMap<Reason, number>;
}

/** Lines a second: whoever can reach the port can be refused, and must not fill the log. */
const mostLines = 10;

export function createRefusals(log: Log, now: () => number): Refusals {
  const counts = new Map<Reason, number>();
  let second = 0;
  let lines = 0;
  return {
    add({ reason, message }, fields) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      const current = Math.floor(now() / 1000);
      if (current !== second) [second, lines] = [current, 0];
      if (++lines <= mostLines) log.warn({ reason, why: message, ...fields }, 'fleet peer refused');
    },
    counts: () => counts,
  };
}

/** For these a node that had greeted is set apart: what it sends cannot be used. */
export const useless: ReadonlySet<Reason> = new Set<Reason>(['malformed', 'flood']);
