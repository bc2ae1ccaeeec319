import { claim, pod } from '../../support/manifests.ts';
import type { Api } from './api.ts';
import { CLAIMS, PODS, type Step, type Timeline } from './timeline.ts';

/** A StorageClass of the same name, or a pod without a volume. */
export type Kind = (typeof kinds)[number];
export const kinds = ['none', 'thin', 'thick'] as const;

const SIZE = '128Mi';

/** Posts a pod and its claim, and waits until it runs. */
export async function run(api: Api, timeline: Timeline, kind: Kind, name: string): Promise<void> {
  timeline.mark(name, 'posted');
  if (kind !== 'none') await api.create(CLAIMS, claim(name, { className: kind, size: SIZE }));
  await api.create(PODS, pod(name, kind === 'none' ? {} : { volumes: { '/data': { claim: name } } }));
  await timeline.reached(name, 'running');
}

/** Deletes both at once, as a StatefulSet that is deleted does, and waits until nothing is left. */
export async function end(api: Api, timeline: Timeline, kind: Kind, name: string): Promise<void> {
  await api.remove(`${PODS}/${name}`);
  if (kind !== 'none') await api.remove(`${CLAIMS}/${name}`);
  await timeline.reached(name, 'podGone');
  if (kind !== 'none') await timeline.reached(name, 'recordGone');
}

/** Seconds from one step to another, of each pod. */
export function seconds(timeline: Timeline, names: readonly string[], from: Step, to: Step): Promise<number[]> {
  const between = async (name: string): Promise<number> =>
    ((await timeline.reached(name, to)) - (await timeline.reached(name, from))) / 1000;
  return Promise.all(names.map(between));
}
