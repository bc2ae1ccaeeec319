import { CoreV1Api, type KubeConfig, Observable, type ObservableMiddleware, type V1Pod } from '@kubernetes/client-node';
import { Failure } from '../src/domain/errors.ts';
import type { Place } from './arguments.ts';
import { docs, type Need, refusalOf, serverOf } from './refusal.ts';

/** A pod whose container a command can run in. */
export interface Target {
  readonly namespace: string;
  readonly pod: string;
}

/** The name of the container in the chart. */
export const container = 'quarry';
const component = 'app.kubernetes.io/component';
const instance = 'app.kubernetes.io/instance';
/** The chart gives every pod this annotation, also where its name is overridden. */
const annotation = 'quarry/config';

/** The pods of one installation. Throws Failure if a right is missing, or if there are several installations to choose from. */
export async function listPods(
  config: KubeConfig,
  { namespace, release }: Place,
  role: 'controller' | 'node',
  signal: AbortSignal,
): Promise<V1Pod[]> {
  const remedy = namespace === undefined ? "name Quarry's namespace with --namespace" : `${docs} has a Role with it`;
  const all = await request(config, { verbs: 'list', resource: 'pods', namespace, remedy }, signal, (api, options) => {
    const query = { labelSelector: `${component}=${role}` };
    return namespace === undefined
      ? api.listPodForAllNamespaces(query, options)
      : api.listNamespacedPod({ ...query, namespace }, options);
  });
  const pods = all.items.filter(({ metadata }) => {
    const own = metadata?.annotations?.[annotation] !== undefined;
    return own && (release === undefined || metadata.labels?.[instance] === release);
  });
  refuseSeveral(pods);
  return pods;
}

/** The names of the nodes with these labels. */
export async function listNodes(config: KubeConfig, labelSelector: string, signal: AbortSignal): Promise<string[]> {
  const need = { verbs: 'list', resource: 'nodes', remedy: 'name the nodes with --node' };
  const { items } = await request(config, need, signal, (api, options) => api.listNode({ labelSelector }, options));
  return items.map(({ metadata }) => metadata?.name ?? '');
}

type Options = Parameters<CoreV1Api['listNode']>[1];

async function request<T>(
  config: KubeConfig,
  need: Need,
  signal: AbortSignal,
  send: (api: CoreV1Api, options: Options) => Promise<T>,
): Promise<T> {
  try {
    return await send(config.makeApiClient(CoreV1Api), {
      middleware: [until(signal)],
      middlewareMergeStrategy: 'append',
    });
  } catch (error) {
    throw refusalOf(error, serverOf(config), need);
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

/** Whether a command can run in the pod. */
export function runs(pod: V1Pod): boolean {
  return pod.metadata?.deletionTimestamp === undefined && containerOf(pod)?.state?.running !== undefined;
}

export function isReady(pod: V1Pod): boolean {
  return containerOf(pod)?.ready === true;
}

/** The port of this name that the container has. */
export function portOf({ spec }: V1Pod, port: string): number | undefined {
  const own = spec?.containers.find(({ name }) => name === container);
  return own?.ports?.find(({ name }) => name === port)?.containerPort;
}

function containerOf({ status }: V1Pod) {
  return status?.containerStatuses?.find(({ name }) => name === container);
}

export function targetOf({ metadata }: V1Pod): Target {
  return { namespace: metadata?.namespace ?? '', pod: metadata?.name ?? '' };
}
