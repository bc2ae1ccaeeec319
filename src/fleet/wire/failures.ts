import { Failure, type FailureKind, isFailure } from '../../domain/errors.ts';
import { parseNodeName } from '../../domain/ids.ts';
import type { Error as ErrorMessage, ErrorInit } from '../../gen/quarry/fleet/v1/Error.ts';

/** A new kind does not compile until it is here and in the proto. */
const kinds = {
  invalid: 'INVALID',
  'not-found': 'NOT_FOUND',
  exists: 'EXISTS',
  exhausted: 'EXHAUSTED',
  'out-of-range': 'OUT_OF_RANGE',
  precondition: 'PRECONDITION',
  busy: 'BUSY',
  'bad-token': 'BAD_TOKEN',
  unavailable: 'UNAVAILABLE',
  cancelled: 'CANCELLED',
  unimplemented: 'UNIMPLEMENTED',
  elsewhere: 'ELSEWHERE',
  'bad-secret': 'BAD_SECRET',
} as const satisfies Record<FailureKind, ErrorInit['kind']>;

const byName = new Map(Object.entries(kinds).map(([kind, name]) => [name as string, kind as FailureKind]));

/** Characters of a message that are sent; the node's log has all of it. */
const longestMessage = 2048;

/** The text of an error that is no Failure stays on the node: it may be confidential. */
export function writeFailure(error: unknown): ErrorInit {
  if (!isFailure(error)) return { kind: 'UNKNOWN', message: 'internal error; the log of the node has it' };
  const message = error.message.slice(0, longestMessage).toWellFormed();
  return { kind: kinds[error.kind], message, ...(error.node && { node: error.node }) };
}

/** A kind that is unknown here says nothing about the outcome, and so it is `unavailable`. */
export function readFailure({ kind, message, node: named }: ErrorMessage, node: string): Failure {
  const known = byName.get(kind);
  const other = parseNodeName(named);
  return known && (known !== 'elsewhere' || other)
    ? new Failure(known, message, other && { node: other })
    : new Failure('unavailable', `node ${node}: ${message || 'unknown error'}`);
}
