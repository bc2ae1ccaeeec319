import type { NodeName } from './ids.ts';

/**
 * All kinds of failure, and when each occurs; the reference is made from it. `src/grpc/status.ts` maps each kind to a gRPC code, and
 * does not compile until a new kind has one.
 */
export const failureKinds = {
  invalid: 'The request is malformed, over a size limit, or has an unknown parameter; every problem is named',
  'not-found': 'A successful report of LVM does not show the volume, or it is not at that path',
  exists: 'Something that does not fit the request has the name, or is mounted at the path',
  exhausted:
    "No room, a reservation beyond the pool's budget, pool not ready, or no node of the requested topology is served here; the message has the reason of each node, and the scheduler may try another one",
  'out-of-range': 'No size between `required_bytes` and `limit_bytes` can be made; a volume would have to shrink',
  precondition: 'In use, not staged, has other content than asked for, or an administrator has to decide',
  'bad-secret':
    'The secrets of the request do not open the encrypted volume, or lack its passphrase; nothing was changed',
  elsewhere: 'The volume was created on this node and given to another one, which the message names',
  busy: 'Another call for the same volume is in flight',
  'bad-token': '`starting_token` does not come from this driver',
  unavailable:
    'The state could not be read, or the outcome is unknown: try again. If a node is not connected, the message names it',
  cancelled: 'The caller cancelled the call',
  unimplemented: 'Not offered',
} as const;

/** Key of `failureKinds`. */
export type FailureKind = keyof typeof failureKinds;

/** The only error class of Quarry. Users read the message: it says what is wrong and how to fix it. */
export class Failure extends Error {
  readonly kind: FailureKind;
  /** Resolves when work that outlasts the failed operation has ended. */
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

/** Work of the failed operation that still runs; a failure inherits it from its cause. */
export function pendingOf(error: unknown): Promise<void> | undefined {
  return error instanceof Failure ? error.pending : undefined;
}

/** Whether the error is a Failure, of this kind if one is given. */
export function isFailure(error: unknown, kind?: FailureKind): error is Failure {
  return error instanceof Failure && (kind === undefined || error.kind === kind);
}

/** The message of any thrown value, for logs and for wrapping. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
