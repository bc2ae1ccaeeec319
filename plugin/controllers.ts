import { CoreV1Api, type KubeConfig, Observable, type ObservableMiddleware, type V1Pod } from '@kubernetes/client-node';
import { Failure } from '../src/domain/errors.ts';
import type { Place } from './arguments.ts';
import { docs, refusalOf, serverOf } from './refusal.ts';

/** A pod with a controller that can be asked. */
export interface Controller {
  readonly namespace: string;
  readonly pod: string;
  readonly ready: boolean;
}

/** The name of the container in the chart. */
export const container = 'quarry';
const component = 'app.kubernetes.io/component=controller';
/** The chart gives every pod this annotation, also where its name is overridden. */
const annotation = 'quarry/config';
const instance = 'app.kubernetes.io/instance';

/** A controller of the cluster, a ready one if there is one. Throws Failure with what is missing. */
export async function findController(config: KubeConfig, place: Place, signal: AbortSignal): Promise<Controller> {
  const pods = (await listPods(config, place, signal)).filter(({ metadata }) => {
    const own = metadata?.annotations?.[annotation] !== undefined;
    return own && (place.release === undefined || metadata.labels?.[instance] === place.release);
  });
  refuseSeveral(pods);
  const running = pods.filter(
    (pod) => pod.metadata?.deletionTimestamp === undefined && containerOf(pod)?.state?.running,
  );
  const best = running.find((pod) => containerOf(pod)?.ready) ?? running[0];
  if (best !== undefined) return toController(best);
  if (pods.length === 0)
    throw new Failure('not-found', `no controller of Quarry in ${whereOf(place)}: ${elsewhere(place)}`);
  const states = pods.map((pod) => `${pod.metadata?.namespace}/${pod.metadata?.name} is ${pod.status?.phase}`);
  throw new Failure('unavailable', `no controller runs: ${states.join(', ')}; \`kubectl describe pod\` has the reason`);
}

async function listPods(config: KubeConfig, { namespace }: Place, signal: AbortSignal): Promise<V1Pod[]> {
  const api = config.makeApiClient(CoreV1Api);
  const options = { middleware: [until(signal)], middlewareMergeStrategy: 'append' as const };
  const query = { labelSelector: component };
  try {
    const { items } = await (namespace === undefined
      ? api.listPodForAllNamespaces(query, options)
      : api.listNamespacedPod({ ...query, namespace }, options));
    return items;
  } catch (error) {
    const remedy = namespace === undefined ? "name Quarry's namespace with --namespace" : `${docs} has a Role with it`;
    throw refusalOf(error, serverOf(config), { verbs: 'list', resource: 'pods', namespace, remedy });
  }
}

/** Gives a request of the client the signal. */
function until(signal: AbortSignal): ObservableMiddleware {
  return {
    pre(context) {
      context.setSignal(signal);
      return new Observable(Promise.resolve(context));
    },
    post: (response) => new Observable(Promise.resolve(response)),
  };
}

/** Two installations have different volumes: a guess could show, or change, the wrong ones. */
function refuseSeveral(pods: readonly V1Pod[]): void {
  const found = new Set(
    pods.map(({ metadata }) => `release ${metadata?.labels?.[instance]} in namespace ${metadata?.namespace}`),
  );
  if (found.size < 2) return;
  const all = [...found].toSorted().join(', ');
  throw new Failure('invalid', `several installations run: ${all}; choose one with --namespace or --release`);
}

function containerOf({ status }: V1Pod) {
  return status?.containerStatuses?.find(({ name }) => name === container);
}

function toController(pod: V1Pod): Controller {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  return { namespace, pod: name, ready: containerOf(pod)?.ready === true };
}

function whereOf({ namespace, release }: Place): string {
  const where = namespace === undefined ? 'any namespace' : `namespace ${namespace}`;
  return release === undefined ? where : `${where} with release ${release}`;
}

function elsewhere({ namespace }: Place): string {
  return namespace === undefined ? 'is this the right cluster (--context)?' : 'leave out --namespace to search all';
}
