import { status } from '@grpc/grpc-js';
import type { Log } from '../../log.ts';

/** Why a peer is refused or cut off, as the metric counts it, and the status code that the peer gets. */
export const refusalCodes = {
  /** No TLS handshake: plain text, an old protocol, a peer that does not trust us. */
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
  /** It named another node than its credential does. */
  identity: status.PERMISSION_DENIED,
  driver: status.FAILED_PRECONDITION,
  version: status.FAILED_PRECONDITION,
  /** It sent bytes that are no message of this protocol, or impossible values. */
  malformed: status.INVALID_ARGUMENT,
  /** It sent more than a node does. */
  flood: status.RESOURCE_EXHAUSTED,
  /** It read nothing. */
  stalled: status.ABORTED,
  /** It sent nothing. */
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

/** Lines a second: any peer that reaches the port can be refused, and must not fill the log. */
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

/** A node that had greeted is set apart for these, because its reports or answers cannot be used. */
export const useless: ReadonlySet<Reason> = new Set<Reason>(['malformed', 'flood']);
