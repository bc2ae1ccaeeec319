import { Failure, isFailure } from '../../domain/errors.ts';
import type { NodeName } from '../../domain/ids.ts';
import type { Target } from './caller.ts';

/** Reads the answer of a node. One that cannot be used says nothing about the outcome: throws `unavailable`, and tells the node's stream the reason. */
export function readAnswer<T>(remote: Target & { readonly node: NodeName }, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isFailure(cause)) throw cause;
    remote.unusable(cause.message);
    throw new Failure('unavailable', `the answer of node ${remote.node} cannot be used: ${cause.message}`, { cause });
  }
}
