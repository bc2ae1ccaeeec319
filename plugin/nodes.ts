import type { KubeConfig, V1Pod } from '@kubernetes/client-node';
import { Failure } from '../src/domain/errors.ts';
import type { Asked } from './arguments.ts';
import { listNodes, listPods, runs, type Target, targetOf } from './pods.ts';

/** A node with the driver, by the node's name. */
export interface Node {
  readonly name: string;
  /** Absent: no command can run there now. */
  readonly target?: Target | undefined;
  /** Of a node without a target: why. */
  readonly problem: string;
}

/** The nodes that were chosen, or all that have the driver, in the order of their names. Throws Failure if one of them does not have it. */
export async function findNodes(config: KubeConfig, asked: Asked, signal: AbortSignal): Promise<Node[]> {
  const pods = await listPods(config, asked.place, 'node', signal);
  const known = new Map<string, Node>();
  // While a pod is replaced, a node has two.
  for (const pod of pods.toSorted((one, other) => Number(runs(one)) - Number(runs(other)))) {
    const name = pod.spec?.nodeName;
    if (name !== undefined) known.set(name, toNode(name, pod));
  }
  const chosen = await namesOf(config, asked, signal);
  const all = [...known.values()].filter(({ name }) => chosen === undefined || chosen.includes(name));
  const strangers = asked.nodes.filter((name) => !known.has(name));
  if (strangers.length > 0) throw new Failure('not-found', `no driver on node ${strangers.join(', ')}${list(known)}`);
  if (all.length === 0) throw new Failure('not-found', `no node with the driver was found${list(known)}`);
  return all.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** Undefined: all. */
async function namesOf(config: KubeConfig, { nodes, selector }: Asked, signal: AbortSignal) {
  if (selector === undefined) return nodes.length === 0 ? undefined : nodes;
  return [...nodes, ...(await listNodes(config, selector, signal))];
}

function toNode(name: string, pod: V1Pod): Node {
  const problem = `pod ${pod.metadata?.name} does not run (${pod.status?.phase})`;
  return { name, problem, ...(runs(pod) && { target: targetOf(pod) }) };
}

function list(known: ReadonlyMap<string, Node>): string {
  return known.size === 0 ? '' : `; it runs on ${[...known.keys()].toSorted().join(', ')}`;
}
