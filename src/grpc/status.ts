import { status } from '@grpc/grpc-js';
import { Failure, type FailureKind } from '../domain/errors.ts';

/** The only mapping from failure kinds to gRPC codes. A new kind does not compile until it is here. */
export const codes = {
  invalid: status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  exists: status.ALREADY_EXISTS,
  exhausted: status.RESOURCE_EXHAUSTED,
  'out-of-range': status.OUT_OF_RANGE,
  'bad-secret': status.UNAUTHENTICATED,
  elsewhere: status.FAILED_PRECONDITION,
  precondition: status.FAILED_PRECONDITION,
  busy: status.ABORTED,
  'bad-token': status.ABORTED,
  unavailable: status.UNAVAILABLE,
  cancelled: status.CANCELLED,
  unimplemented: status.UNIMPLEMENTED,
} as const satisfies Record<FailureKind, status>;

/** The reverse mapping, for our clients. Two kinds share ABORTED, and both mean "try again". FAILED_PRECONDITION becomes `precondition`. */
export const kinds: ReadonlyMap<status, FailureKind> = new Map(
  Object.entries(codes).map(([kind, code]) => [code, kind as FailureKind]),
);

/** The peer sets the size limit of trailers; beyond it the whole call is lost. */
const longestDetails = 2048;

export interface CallStatus {
  readonly code: status;
  readonly details: string;
}

/**
 * The status for the caller. Only a Failure's message is sent: any other error may contain paths, output or secrets, so the caller gets
 * "internal error".
 */
export function statusOf(error: unknown, signal?: AbortSignal): CallStatus {
  if (error instanceof Failure) return { code: codes[error.kind], details: wireText(error.message, error.kind) };
  if (signal?.aborted === true && isAbort(error, signal)) {
    return { code: status.CANCELLED, details: 'the caller gave up' };
  }
  return { code: status.INTERNAL, details: 'internal error' };
}

/** True if the status does not describe the error, so that the log needs all of it. */
export function isUnknown({ code }: CallStatus): boolean {
  return code === status.INTERNAL;
}

/** Timers and child processes answer an abort with their own AbortError instead of the signal's reason. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}

/** CSI requires a text; grpc-js throws on half a surrogate pair. */
function wireText(message: string, kind: FailureKind): string {
  const text = message.length > longestDetails ? `${message.slice(0, longestDetails)}…` : message;
  return text.trim() === '' ? kind : text.toWellFormed();
}
