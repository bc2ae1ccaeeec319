import type { AccessMode } from '../../../src/domain/capability.ts';
import type { FailureKind } from '../../../src/domain/errors.ts';
import { isFailure } from '../../../src/domain/errors.ts';
import type { NodePublishVolumeRequest } from '../../../src/gen/csi/v1/NodePublishVolumeRequest.ts';
import type { NodeStageVolumeRequest } from '../../../src/gen/csi/v1/NodeStageVolumeRequest.ts';
import type { VolumeCapability } from '../../../src/gen/csi/v1/VolumeCapability.ts';

export const call = { signal: new AbortController().signal };
export const staging = '/kubelet/staging';
export const target = '/kubelet/pod/mount';

export function mountCapability(
  fsType = 'ext4',
  mountFlags: string[] = [],
  mode: AccessMode = 'SINGLE_NODE_WRITER',
): VolumeCapability {
  return { mount: { fsType, mountFlags, volumeMountGroup: '' }, accessMode: { mode }, accessType: 'mount' };
}

export function blockCapability(mode: AccessMode = 'SINGLE_NODE_WRITER'): VolumeCapability {
  return { block: {}, accessMode: { mode }, accessType: 'block' };
}

export function stageRequest(
  volumeId: string,
  volumeCapability: VolumeCapability | null = mountCapability(),
): NodeStageVolumeRequest {
  return {
    volumeId,
    volumeCapability,
    stagingTargetPath: staging,
    publishContext: {},
    secrets: {},
    volumeContext: {},
  };
}

export function publishRequest(
  volumeId: string,
  volumeCapability: VolumeCapability | null = mountCapability(),
  changes: Partial<NodePublishVolumeRequest> = {},
): NodePublishVolumeRequest {
  return { ...stageRequest(volumeId, volumeCapability), targetPath: target, readonly: false, ...changes };
}

/** The message of the call's failure; throws if the call does not fail with that kind. */
export async function failure(kind: FailureKind, work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isFailure(error, kind)) return error.message;
  throw new Error(`expected ${kind}, got ${String(error)}`, { cause: error });
}
