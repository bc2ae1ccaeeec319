import { normalize } from 'node:path';
import { type SizeRange, parseSizeRange } from '../domain/bytes.ts';
import { type Capability, capabilityProblems, parseCapability } from '../domain/capability.ts';
import type { Secrets } from '../domain/devices.ts';
import { Failure } from '../domain/errors.ts';
import { type InlineHandle, issuedVolumeId, parseInlineHandle, parseVolumeId, type VolumeId } from '../domain/ids.ts';
import type { InlineVolumes } from '../domain/storage.ts';
import type { NodeExpandVolumeRequest } from '../gen/csi/v1/NodeExpandVolumeRequest.ts';
import type { NodeGetVolumeStatsRequest } from '../gen/csi/v1/NodeGetVolumeStatsRequest.ts';
import type { NodePublishVolumeRequest } from '../gen/csi/v1/NodePublishVolumeRequest.ts';
import type { NodeStageVolumeRequest } from '../gen/csi/v1/NodeStageVolumeRequest.ts';
import type { NodeUnpublishVolumeRequest } from '../gen/csi/v1/NodeUnpublishVolumeRequest.ts';
import type { NodeUnstageVolumeRequest } from '../gen/csi/v1/NodeUnstageVolumeRequest.ts';

export interface StageRequest {
  readonly id: VolumeId;
  readonly staging: string;
  readonly capability: Capability;
  readonly secrets: Secrets;
}

export interface PublishRequest extends Omit<StageRequest, 'secrets'> {
  readonly target: string;
  readonly readOnly: boolean;
  /** Whether the request names a pod, as kubelet's do for a CSIDriver with `podInfoOnMount`. */
  readonly forPod: boolean;
}

/** An `undefined` id is not one of ours: there is nothing to undo. */
export interface UndoRequest {
  readonly id: VolumeId | undefined;
  readonly path: string;
}

export interface UnpublishRequest extends UndoRequest {
  /** Present for an inline volume, which has no id of ours in the request. */
  readonly handle: InlineHandle | undefined;
}

export interface PathRequest {
  readonly id: VolumeId;
  readonly path: string;
}

export interface ExpandRequest extends PathRequest {
  readonly size: SizeRange;
}

export function parseStage(request: NodeStageVolumeRequest): StageRequest {
  const { volumeId, stagingTargetPath, volumeCapability } = request;
  refuse([
    ...missing({ volume_id: volumeId, staging_target_path: stagingTargetPath }),
    ...badPaths({ staging_target_path: stagingTargetPath }),
    ...capabilityProblems(volumeCapability),
  ]);
  return {
    id: issuedVolumeId(volumeId).id,
    staging: normal(stagingTargetPath),
    capability: parseCapability(volumeCapability),
    secrets: request.secrets,
  };
}

export function parsePublish(request: NodePublishVolumeRequest): PublishRequest {
  const { volumeId, targetPath, stagingTargetPath, volumeCapability } = request;
  refuse([
    ...missing({ volume_id: volumeId, target_path: targetPath }),
    ...badPaths({ target_path: targetPath, staging_target_path: stagingTargetPath }),
    ...capabilityProblems(volumeCapability),
  ]);
  // CSI, NodePublishVolume errors: "Staging target path not set" is FAILED_PRECONDITION.
  if (!stagingTargetPath) throw new Failure('precondition', 'staging_target_path is missing: stage the volume first');
  const capability = parseCapability(volumeCapability);
  const asked = request.readonly || capability.mode === 'SINGLE_NODE_READER_ONLY';
  const readOnly = asked || (capability.access === 'mount' && capability.mountFlags.includes('ro'));
  const [target, staging] = [normal(targetPath), normal(stagingTargetPath)];
  const forPod = Boolean(request.volumeContext['csi.storage.k8s.io/pod.uid']);
  return { id: issuedVolumeId(volumeId).id, staging, target, capability, readOnly, forPod };
}

export function parseUnstage({ volumeId, stagingTargetPath }: NodeUnstageVolumeRequest): UndoRequest {
  const fields = { staging_target_path: stagingTargetPath };
  refuse([...missing({ volume_id: volumeId, ...fields }), ...badPaths(fields)]);
  return { id: parseVolumeId(volumeId)?.id, path: normal(stagingTargetPath) };
}

export function parseUnpublish({ volumeId, targetPath }: NodeUnpublishVolumeRequest): UnpublishRequest {
  const fields = { target_path: targetPath };
  refuse([...missing({ volume_id: volumeId, ...fields }), ...badPaths(fields)]);
  return { id: parseVolumeId(volumeId)?.id, handle: parseInlineHandle(volumeId), path: normal(targetPath) };
}

/** Kubelet asks for the statistics of inline volumes too, by their handles. */
export function parseStats(
  { volumeId, volumePath }: NodeGetVolumeStatsRequest,
  inline: Pick<InlineVolumes, 'idOf'>,
): PathRequest {
  refuse(missing({ volume_id: volumeId, volume_path: volumePath }));
  const handle = parseInlineHandle(volumeId);
  return { id: handle ? inline.idOf(handle) : issuedVolumeId(volumeId).id, path: toVolumePath(volumePath) };
}

export function parseExpand(request: NodeExpandVolumeRequest): ExpandRequest {
  const { volumeId, volumePath, volumeCapability } = request;
  const problems = volumeCapability ? capabilityProblems(volumeCapability) : [];
  refuse([...missing({ volume_id: volumeId, volume_path: volumePath }), ...problems]);
  return {
    id: issuedVolumeId(volumeId).id,
    path: toVolumePath(volumePath),
    size: parseSizeRange(request.capacityRange),
  };
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new Failure('invalid', problems.join('; '));
}

/** One problem for each field that is empty. */
export function missing(fields: Readonly<Record<string, string>>): string[] {
  return Object.entries(fields).flatMap(([name, value]) => (value === '' ? [`${name} is missing`] : []));
}

/** One problem for each path that is not a plain absolute one. */
export function badPaths(fields: Readonly<Record<string, string>>): string[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    value === '' || isPlainPath(value)
      ? []
      : [`${name} has to be an absolute path without "..", below the root directory`],
  );
}

function isPlainPath(path: string): boolean {
  return path.startsWith('/') && normal(path) !== '/' && !path.includes('\0') && !path.split('/').includes('..');
}

/** Without double and last slashes. */
export function normal(path: string): string {
  return normalize(path).replace(/(?<=.)\/+$/, '');
}

/** CSI requires NOT_FOUND if the volume is not at the path; a path that cannot be a mount point is such a case. */
function toVolumePath(path: string): string {
  if (!isPlainPath(path)) throw new Failure('not-found', `the volume is not at ${path}`);
  return normal(path);
}
