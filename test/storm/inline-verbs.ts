import { layoutFor, limits, textOf, unit } from './controller-verbs.ts';
import { unwritten, type Shape, type Volume } from './model.ts';
import { podVerbs } from './pod-verbs.ts';
import type { Random } from './random.ts';
import { handleOf, limitsOf, parametersOf, pathsOf, uidOf } from './site.ts';
import { done, options, type Verb } from './verb.ts';

const smallest = 2 * unit;

function randomShape(random: Random): Shape {
  const content = random.chance(0.5) ? ({ access: 'ext4', encrypted: true } as const) : ({ access: 'ext4' } as const);
  return layoutFor(random.pick(['thin', 'thick'] as const), content, random);
}

/** As kubelet gives them to the driver. */
function contextOf(volume: Volume, bytes: number, iops: number): Record<string, string> {
  const pod = { ephemeral: 'true', 'pod.uid': uidOf(volume.name), 'pod.namespace': 'default', 'pod.name': volume.name };
  const named = Object.entries(pod).map(([key, value]) => [`csi.storage.k8s.io/${key}`, value] as const);
  return { ...Object.fromEntries(named), ...parametersOf(volume), ...limitsOf(iops), size: `${bytes}` };
}

/** Makes the volume, its filesystem and its mount in one call. An encrypted one that was not open any more is a new one. */
const publishInline: Verb = {
  name: 'publish inline',
  weight: 6,
  isCall: true,
  fits: ({ published }) => !published,
  plan(volume, { exists, published, size, iops }, random) {
    const shape = exists ? volume.shape : randomShape(random);
    const bytes = exists ? size : smallest + unit * random.below(6);
    const limit = exists ? iops : random.pick(limits);
    const isNew = !exists || (shape.encrypted === true && !published);
    const request = {
      volumeId: handleOf(volume.name),
      targetPath: pathsOf({ ...volume, shape }).target,
      volumeCapability: { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
      volumeContext: contextOf({ ...volume, shape }, bytes, limit),
    } as const;
    return {
      text: textOf(shape, bytes, limit),
      outcomes: ['OK'],
      change: {
        facts: { exists: true, published: true, size: bytes, iops: limit },
        shape,
        ...(isNew ? { made: { regions: unwritten } } : {}),
      },
      run: done(({ client }, signal) => client.node.nodePublishVolume(request, options(signal))),
    };
  },
};

/** Unmounts the volume, and removes it with its content. */
export const unpublishInline: Verb = {
  name: 'unpublish inline',
  weight: 2,
  isCall: true,
  fits: ({ exists }) => exists,
  plan(volume) {
    const request = { volumeId: handleOf(volume.name), targetPath: pathsOf(volume).target };
    return {
      text: '',
      outcomes: ['OK'],
      change: { facts: { exists: false } },
      run: done(({ client }, signal) => client.node.nodeUnpublishVolume(request, options(signal))),
    };
  },
};

/** The calls of kubelet for the inline volume of a pod, and what the pod does with it. */
export const inlineVerbs: readonly Verb[] = [publishInline, unpublishInline, ...podVerbs];
