import { largest } from '../domain/bytes.ts';
import { type Capability, capabilityProblems, parseCapability } from '../domain/capability.ts';
import { Failure, isFailure } from '../domain/errors.ts';
import { smallestVolume } from '../domain/filesystems.ts';
import { type InlineAttributes, parseInlineAttributes } from '../domain/inline.ts';
import { parseInlineHandle } from '../domain/ids.ts';
import { podOfTarget, podFoldersOf } from '../domain/pod-targets.ts';
import { kubernetesPrefix } from '../domain/qos-parameters.ts';
import type { InlineWish } from '../domain/storage.ts';
import type { NodePublishVolumeRequest } from '../gen/csi/v1/NodePublishVolumeRequest.ts';
import { badPaths, missing, normal } from './requests.ts';

export interface InlineRequest {
  readonly wish: InlineWish;
  readonly capability: Extract<Capability, { access: 'mount' }>;
  readonly readOnly: boolean;
}

/** LVM allows 1024 bytes for a tag, and each of them may take three. */
const longestTarget = 320;

/** The publish of an inline volume. Throws `invalid` with every problem of the request and of the volume's attributes. */
export function parseInlinePublish(request: NodePublishVolumeRequest): InlineRequest {
  const { volumeId, targetPath, volumeCapability, volumeContext } = request;
  const handle = parseInlineHandle(volumeId);
  const [attributes, wrong] = attributesOf(volumeContext);
  const problems = [
    ...missing({ volume_id: volumeId, target_path: targetPath }),
    ...(volumeId === '' || handle ? [] : [`volume_id "${volumeId}" is none that kubelet gives to an inline volume`]),
    ...targetProblems(targetPath),
    ...capabilityProblems(volumeCapability),
    ...(volumeCapability?.block ? ['an inline volume has a filesystem: it cannot be a raw block device'] : []),
    ...wrong,
  ];
  if (problems.length > 0 || !handle || !attributes) throw new Failure('invalid', problems.join('; '));
  const capability = parseCapability(volumeCapability) as InlineRequest['capability'];
  const least = smallestVolume[capability.filesystem];
  const { parameters, size } = attributes;
  return {
    wish: {
      handle,
      parameters,
      // As for a claim, a filesystem gets the least that it needs.
      size: { required: size === undefined ? 0n : largest(size, least) },
      inline: inlineOf(normal(targetPath), volumeContext),
    },
    capability,
    readOnly: request.readonly || capability.mode === 'SINGLE_NODE_READER_ONLY' || capability.mountFlags.includes('ro'),
  };
}

function attributesOf(context: Readonly<Record<string, string>>): [InlineAttributes | undefined, string[]] {
  try {
    return [parseInlineAttributes(context), []];
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    return [undefined, [error.message]];
  }
}

function targetProblems(target: string): string[] {
  const bad = badPaths({ target_path: target });
  if (target === '' || bad.length > 0) return bad;
  if (!podFoldersOf(normal(target))) {
    return [
      'target_path must be the path of a pod of kubelet, …/pods/UID/volumes/kubernetes.io~csi/NAME/mount: only that shows when the pod is gone',
    ];
  }
  return Buffer.byteLength(target) > longestTarget ? [`target_path is longer than ${longestTarget} bytes`] : [];
}

function inlineOf(target: string, context: Readonly<Record<string, string>>): InlineWish['inline'] {
  const [namespace = '', name = ''] = ['pod.namespace', 'pod.name'].map((key) => context[kubernetesPrefix + key]);
  return { target, pod: { uid: podOfTarget(target) ?? '', namespace, name } };
}
