import type { KubeConfig } from '@kubernetes/client-node';
import { Failure } from '../src/domain/errors.ts';
import type { Place } from './arguments.ts';
import { isReady, listPods, portOf, runs, type Target, targetOf } from './pods.ts';

/** A controller that can be asked. */
export interface Controller extends Target {
  readonly ready: boolean;
  /** Port of its status page; absent: it serves none. */
  readonly statusPage: number | undefined;
}

/** A controller of the cluster, a ready one if there is one. Throws Failure with what is missing. */
export async function findController(config: KubeConfig, place: Place, signal: AbortSignal): Promise<Controller> {
  const pods = await listPods(config, place, 'controller', signal);
  const running = pods.filter((pod) => runs(pod));
  const best = running.find((pod) => isReady(pod)) ?? running[0];
  if (best !== undefined) return { ...targetOf(best), ready: isReady(best), statusPage: portOf(best, 'status-page') };
  if (pods.length === 0)
    throw new Failure('not-found', `no controller of Quarry in ${whereOf(place)}: ${elsewhere(place)}`);
  const states = pods.map((pod) => `${pod.metadata?.namespace}/${pod.metadata?.name} is ${pod.status?.phase}`);
  throw new Failure('unavailable', `no controller runs: ${states.join(', ')}; \`kubectl describe pod\` has the reason`);
}

function whereOf({ namespace, release }: Place): string {
  const where = namespace === undefined ? 'any namespace' : `namespace ${namespace}`;
  return release === undefined ? where : `${where} with release ${release}`;
}

function elsewhere({ namespace }: Place): string {
  return namespace === undefined ? 'is this the right cluster (--context)?' : 'leave out --namespace to search all';
}
