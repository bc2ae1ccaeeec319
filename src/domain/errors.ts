/**
 * The closed set of ways an operation can fail. `src/grpc/status.ts` maps each kind to a gRPC code, and does not compile
 * until a new kind has one.
 *
 * - `invalid`      the request is malformed; retrying it unchanged cannot help
 * - `not-found`    a successful report says that the object does not exist
 * - `exists`       an object of that name exists and is incompatible with the request
 * - `exhausted`    no room: the scheduler may try another node
 * - `out-of-range` the size asked for cannot be met exactly enough
 * - `precondition` the object is in a state that forbids the operation until somebody changes it
 * - `busy`         another operation on the same object is in flight
 * - `bad-token`    a page token that this driver did not issue, or that has expired
 * - `unavailable`  the truth could not be established or the outcome is unknown: try again
 * - `cancelled`    the caller gave up
 * - `unimplemented` the driver does not offer this
 */
export type FailureKind =
  | 'invalid'
  | 'not-found'
  | 'exists'
  | 'exhausted'
  | 'out-of-range'
  | 'precondition'
  | 'busy'
  | 'bad-token'
  | 'unavailable'
  | 'cancelled'
  | 'unimplemented';

/** The one error class of Quarry. The message is shown to users: it says what is wrong and how to mend it. */
export class Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Failure';
    this.kind = kind;
  }
}

export function isFailure(error: unknown, kind?: FailureKind): error is Failure {
  return error instanceof Failure && (kind === undefined || error.kind === kind);
}

/** The message of anything that was thrown, for logs and for wrapping. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
