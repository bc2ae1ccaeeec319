import * as z from 'zod';
import { Failure } from '../../domain/errors.ts';
import type { Api } from '../../kubernetes/api.ts';
import { persistentVolume as persistentVolumeShape, status } from '../../kubernetes/objects.ts';
import type { KubeObject } from './objects.ts';

/** What became of an object. */
export interface Applied {
  readonly object: string;
  readonly outcome: 'created' | 'exists' | 'failed';
  readonly reason?: string;
}

/** Writes the object unless it exists. An existing one is left as it is. Throws `unavailable` without an answer. */
export async function create(api: Pick<Api, 'get' | 'post'>, object: KubeObject): Promise<Applied> {
  const { kind, metadata } = object;
  const place = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
  const named = `${kind} ${place}`;
  const answer = await api.post(collectionOf(object), object);
  if (answer.status === 201) return { object: named, outcome: 'created' };
  if (answer.status === 409) return existing(api, object, named);
  const reason = status.safeParse(answer.body).data?.message ?? '';
  return { object: named, outcome: 'failed', reason: `${answer.status} ${reason}`.trim() };
}

const handle = z.object({ csi: z.object({ volumeHandle: z.string() }) });

/** A PersistentVolume of that name may be of another volume. */
async function existing(api: Pick<Api, 'get'>, object: KubeObject, named: string): Promise<Applied> {
  if (object.kind !== 'PersistentVolume') return { object: named, outcome: 'exists' };
  const answer = await api.get(`${collectionOf(object)}/${object.metadata.name}`);
  if (answer.status !== 200) throw new Failure('unavailable', `${named} exists, and cannot be read: ${answer.status}`);
  const theirs = persistentVolumeShape.parse(answer.body).spec.csi?.volumeHandle;
  const ours = handle.parse(object.spec).csi.volumeHandle;
  if (theirs === ours) return { object: named, outcome: 'exists' };
  return {
    object: named,
    outcome: 'failed',
    reason: `it exists, and is of ${theirs ?? 'no CSI volume'}, not of ${ours}`,
  };
}

function collectionOf({ kind, metadata: { namespace = '' } }: KubeObject): string {
  return kind === 'PersistentVolume'
    ? '/api/v1/persistentvolumes'
    : `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
}
