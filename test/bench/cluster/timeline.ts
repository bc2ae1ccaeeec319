import type { KubernetesObject } from '../../../lab/kubernetes/kubectl.ts';
import type { Api, WatchEvent } from './api.ts';
import type { Work } from './calls.ts';

/** The steps of a pod and its claim of the same name, in this order. */
export type Step =
  | 'posted'
  | 'chosen'
  | 'provisioned'
  | 'scheduled'
  | 'running'
  | 'podGone'
  | 'volumeGone'
  | 'recordGone';

export const NAMESPACE = 'bench';
export const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
export const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;

interface Pod {
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase?: string };
}

/** When each pod reached each step, in milliseconds of this process, according to the API server's watches. */
export class Timeline {
  readonly #times = new Map<string, PromiseWithResolvers<number>>();
  readonly #volumes = new Map<string, string>();

  static async open(api: Api): Promise<Timeline> {
    const timeline = new Timeline();
    await api.watch(PODS, (event) => timeline.#onPod(event));
    await api.watch(CLAIMS, (event) => timeline.#onClaim(event));
    await api.watch('/api/v1/persistentvolumes', (event) => timeline.#onVolume(event));
    return timeline;
  }

  mark(name: string, step: Step, at = performance.now()): void {
    this.#entry(name, step).resolve(at);
  }

  reached(name: string, step: Step): Promise<number> {
    return this.#entry(name, step).promise;
  }

  /** The PersistentVolume of a claim, once it is provisioned. */
  volumeOf(name: string): string | undefined {
    return this.#volumes.get(name);
  }

  /** Adds steps from logs: guests have the host's clock, so the times compare with those of the watches. Throws if a log lacks one, as it does once it was rotated: nothing else would end the wait. */
  add(work: readonly Work[]): void {
    for (const [name, volume] of this.#volumes) {
      const removal = work.find((each) => each.volume === volume && each.what === 'quarry.node.v1.Volumes/Remove');
      if (!removal) throw new Error(`the nodes' logs have no removal of ${volume}: play fewer rounds`);
      this.mark(name, 'volumeGone', removal.at - performance.timeOrigin);
    }
  }

  #entry(name: string, step: Step): PromiseWithResolvers<number> {
    const key = `${name} ${step}`;
    const entry = this.#times.get(key) ?? Promise.withResolvers<number>();
    this.#times.set(key, entry);
    return entry;
  }

  #onPod({ type, object }: WatchEvent): void {
    const { name } = object.metadata;
    const { spec, status } = object as KubernetesObject & Pod;
    if (spec.nodeName !== undefined) this.mark(name, 'scheduled');
    if (status.phase === 'Running') this.mark(name, 'running');
    if (type === 'DELETED') this.mark(name, 'podGone');
  }

  #onClaim({ object }: WatchEvent): void {
    const { annotations = {} } = object.metadata as { annotations?: Record<string, string> };
    if ('volume.kubernetes.io/selected-node' in annotations) this.mark(object.metadata.name, 'chosen');
  }

  #onVolume({ type, object }: WatchEvent): void {
    const { claimRef } = object['spec'] as { claimRef?: { name: string } };
    if (claimRef === undefined) return;
    this.#volumes.set(claimRef.name, object.metadata.name);
    this.mark(claimRef.name, 'provisioned');
    if (type === 'DELETED') this.mark(claimRef.name, 'recordGone');
  }
}
