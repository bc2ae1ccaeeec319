import { Failure } from '../../domain/errors.ts';
import { kubernetesPrefix } from '../../domain/qos-parameters.ts';
import { type Accessibility, parseAccessibility } from '../../domain/topology.ts';
import { readSnapshotSize, type SnapshotRoom } from '../../domain/snapshot-room.ts';
import type { CreateSnapshotRequest } from '../../gen/csi/v1/CreateSnapshotRequest.ts';

/** The request of CreateSnapshot, checked. */
export interface TakeRequest {
  readonly name: string;
  /** The id of the volume; Quarry may never have issued it. */
  readonly source: string;
  /** Of a thick snapshot; `undefined`: as the class of its volume says. */
  readonly room: SnapshotRoom | undefined;
  /** Where the snapshot may be: it is where its volume is. */
  readonly accessibility: Accessibility;
}

/** Throws `invalid` with every problem at once. */
export function parseTake(request: CreateSnapshotRequest, driver: string): TakeRequest {
  const { name, sourceVolumeId, parameters, accessibilityRequirements } = request;
  const unknown = Object.keys(parameters).filter((key) => !key.startsWith(kubernetesPrefix) && key !== 'snapshotSize');
  const { room, problems: sizeProblems } = readSnapshotSize(parameters['snapshotSize']);
  const problems = [
    ...(name === '' ? ['name is missing'] : []),
    ...(sourceVolumeId === '' ? ['source_volume_id is missing'] : []),
    ...unknown.map((key) => `parameters: "${key}" is unknown; known: snapshotSize`),
    ...sizeProblems,
  ];
  if (problems.length > 0) throw new Failure('invalid', problems.join('; '));
  return { name, source: sourceVolumeId, room, accessibility: parseAccessibility(accessibilityRequirements, driver) };
}

/** Throws `invalid` unless the id is there. */
export function requireSnapshotId(id: string): string {
  if (id === '') throw new Failure('invalid', 'snapshot_id is missing');
  return id;
}
