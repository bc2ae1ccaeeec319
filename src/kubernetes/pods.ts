import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { createInformer, type Informer } from './informer.ts';
import { pod } from './objects.ts';

export interface PodWatchOptions {
  readonly api: Api;
  readonly log: Log;
  /** `namespace:name`, of the pods to watch. */
  readonly serviceAccount: string;
  /** Called with the uid of each pod that the API server reports as deleted. Deletions between two watches are not reported. */
  readonly gone: (uid: string) => void;
  readonly backoff?: { readonly least: number; readonly most: number };
}

/** Reports deleted pods of a ServiceAccount: their tokens are no longer valid. */
export function createPodWatch({
  serviceAccount,
  gone,
  ...options
}: PodWatchOptions): Pick<Informer<true>, 'start' | 'stop'> {
  const [namespace = '', name = ''] = serviceAccount.split(':');
  return createInformer<true>({
    ...options,
    path: `/api/v1/namespaces/${namespace}/pods`,
    read(object) {
      const { metadata, spec } = pod.parse(object);
      return spec.serviceAccountName === name ? [metadata.uid, true] : undefined;
    },
    removed: gone,
  });
}
