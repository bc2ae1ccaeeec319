import { Failure } from '../../domain/errors.ts';
import { kubernetesPrefix } from '../../domain/qos-parameters.ts';
import { readSnapshotSize, type SnapshotRoom } from '../../domain/snapshot-room.ts';
import type { CreateVolumeGroupSnapshotRequest } from '../../gen/csi/v1/CreateVolumeGroupSnapshotRequest.ts';

/** The request of CreateVolumeGroupSnapshot, checked. */
export interface TakeRequest {
  readonly name: string;
  /** The ids of the volumes, each once; Quarry may never have issued them. */
  readonly sources: readonly string[];
  /** Of the members that are thick; `undefined`: as the class of each volume says. */
  readonly room: SnapshotRoom | undefined;
}

/** Throws `invalid` with every problem at once. */
export function parseTake(request: CreateVolumeGroupSnapshotRequest): TakeRequest {
  const { name, sourceVolumeIds, parameters } = request;
  // Kubernetes' own tests give the policy of the class as a parameter, too; the snapshotter follows the class.
  const known = new Set(['deletionPolicy', 'snapshotSize']);
  const unknown = Object.keys(parameters).filter((key) => !key.startsWith(kubernetesPrefix) && !known.has(key));
  const { room, problems: sizeProblems } = readSnapshotSize(parameters['snapshotSize']);
  const problems = [
    ...(name === '' ? ['name is missing'] : []),
    ...(sourceVolumeIds.length === 0 || sourceVolumeIds.includes('') ? ['source_volume_ids: an id is missing'] : []),
    ...unknown.map((key) => `parameters: "${key}" is unknown; known: snapshotSize`),
    ...sizeProblems,
  ];
  if (problems.length > 0) throw new Failure('invalid', problems.join('; '));
  return { name, sources: [...new Set(sourceVolumeIds)], room };
}

/** Throws `invalid` unless the id is there. */
export function requireGroupId(id: string): string {
  if (id === '') throw new Failure('invalid', 'group_snapshot_id is missing');
  return id;
}
