import type { NodeName } from './ids.ts';

/**
 * The closed set of ways an operation can fail, and when it does; the reference is made from it. `src/grpc/status.ts` maps each
 * kind to a gRPC code, and does not compile until a new kind has one.
 */
export const failureKinds = {
  invalid: 'The request is malformed, over a size limit, or has an unknown parameter; every problem is named',
  'not-found': 'A successful report of LVM does not show the volume, or it is not at that path',
  exists: 'The name, or the mount path, is taken by something that does not fit the request',
  exhausted:
    "No room, a reservation that the pool's budget cannot promise, pool not ready, or no node of the requested topology is served here, with the reason of each: the scheduler may try another node",
  'out-of-range': 'No size between `required_bytes` and `limit_bytes` can be made; a volume would have to shrink',
  precondition: 'In use, not staged, holds something else than asked for, or a person has to decide',
  elsewhere: 'The volume was born on this node and given to another one, which is named',
  busy: 'Another call for the same volume is in flight',
  'bad-token': '`starting_token` was not given out by this driver',
  unavailable:
    'The truth could not be established, or the outcome is unknown: try again. Of a node that is not connected, with its name',
  cancelled: 'The caller gave up',
  unimplemented: 'Not offered',
} as const;

/** Key of `failureKinds`. */
export type FailureKind = keyof typeof failureKinds;

/** The one error class of Quarry. The message is shown to users: it says what is wrong and how to mend it. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Resolves when work has ended that goes on although nobody waits for it any more. */
  readonly pending: Promise<void> | undefined;
  /** Of kind `elsewhere`: the node that has the volume. */
  readonly node: NodeName | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options?: { cause?: unknown; pending?: Promise<void> | undefined; node?: NodeName },
  ) {
    super(message, options);
    this.name = 'Failure';
    this.kind = kind;
    this.node = options?.node;
    this.pending = options?.pending ?? pendingOf(options?.cause);
  }
}

/** Work of the failed operation that still goes on; a failure has that of its cause. */
export function pendingOf(error: unknown): Promise<void> | undefined {
  return error instanceof Failure ? error.pending : undefined;
}

/** Whether the error is a Failure, and of this kind where one is given. */
export function isFailure(error: unknown, kind?: FailureKind): error is Failure {
  return error instanceof Failure && (kind === undefined || error.kind === kind);
}

/** The message of anything that was thrown, for logs and for wrapping. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
