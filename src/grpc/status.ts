import { status } from '@grpc/grpc-js';
import { Failure, type FailureKind } from '../domain/errors.ts';

/** The one place where a kind of failure becomes a gRPC code. A new kind does not compile until it is here. */
export const codes = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  exists: status.ALREADY_EXISTS,
  exhausted: status.RESOURCE_EXHAUSTED,
  'out-of-range': status.OUT_OF_RANGE,
  elsewhere: status.FAILED_PRECONDITION,
  precondition: status.FAILED_PRECONDITION,
  busy: status.ABORTED,
  'bad-token': status.ABORTED,
  unavailable: status.UNAVAILABLE,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
} as const satisfies Record<FailureKind, status>;

/** The way back, for clients of ours. Two kinds share ABORTED; either says to try again. Of FAILED_PRECONDITION it is `precondition`. */
export const kinds: ReadonlyMap<status, FailureKind> = new Map(
  Object.entries(codes).map(([kind, code]) => [code, kind as FailureKind]),
);

/** Trailers have a size limit of the peer's choosing, beyond which the whole call is lost. */
const longestDetails = 2048;

export interface CallStatus {
  readonly code: status;
  readonly details: string;
}

/**
 * What the caller is told. Only a Failure speaks for itself: any other error may carry paths, output or secrets, so it leaves
 * as "internal error".
 */
export function statusOf(error: unknown, signal?: AbortSignal): CallStatus {
  if (error instanceof Failure) return { code: codes[error.kind], details: wireText(error.message, error.kind) };
  if (signal?.aborted === true && isAbort(error, signal)) {
    return { code: status.CANCELLED, details: 'the caller gave up' };
  }
  return { code: status.INTERNAL, details: 'internal error' };
}

/** True when the status says nothing about the error, which must then go to the log as a whole. */
export function isUnknown({ code }: CallStatus): boolean {
  return code === status.INTERNAL;
}

/** Timers and child processes answer an abort with an AbortError of their own instead of the signal's reason. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

/** CSI wants the text never empty; grpc-js throws when it has to encode half a surrogate pair. */
function wireText(message: string, kind: FailureKind): string {
  const text = message.length > longestDetails ? `${message.slice(0, longestDetails)}…` : message;
  return text.trim() === '' ? kind : text.toWellFormed();
}
