import { Failure, type FailureKind } from './errors.ts';
import type { NodeName } from './ids.ts';
import type { RefusalReason } from './offer.ts';

/** Why one node does not get a volume. */
export interface Refusal {
  readonly node: NodeName;
  readonly reason: RefusalReason;
  readonly message: string;
}

/** gRPC sends the message in a header: it must stay short for any number of nodes. */
const shown = 8;
const longest = 200;

/**
 * One failure for all nodes: `exhausted`, on which Kubernetes tries another node, unless every node that has the pool refuses the
 * request itself.
 */
export function refusalOf(refusals: readonly Refusal[]): Failure {
  const having = refusals.filter(({ reason }) => reason !== 'no-pool');
  for (const kind of ['invalid', 'out-of-range'] as const) {
    if (having.length > 0 && having.every(({ reason }) => reason === kind)) return failure(kind, having);
  }
  return failure('exhausted', refusals);
}

function failure(kind: FailureKind, refusals: readonly Refusal[]): Failure {
  const texts = refusals.slice(0, shown).map(({ node, message }) => `node ${node}: ${shorten(message)}`);
  const rest = refusals.length - shown;
  if (rest > 0) texts.push(`and ${rest} nodes more`);
  return new Failure(kind, `no node can hold the volume: ${texts.join('; ')}`);
}

function shorten(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
