import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { podOfTarget } from '../../../src/domain/pod-targets.ts';
import { isClassFolder, isPodsRoot, podOfCgroup } from '../../../src/qos/pods.ts';
import { podCgroup } from '../../support/pods.ts';

const uid = '6f9c1e3a-0b4d-4c67-9a57-52c7c6d0a1be';

describe('the pod of a target', () => {
  test.each([
    [`/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~csi/pvc-1/mount`, uid],
    [`/data/k3s/agent/pods/${uid}/volumes/kubernetes.io~csi/pvc-1/mount`, uid],
    [`/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/pvc-1/${uid}`, uid],
    // Kubelet makes the UID of a static pod from a hash.
    [
      '/var/lib/kubelet/pods/0f1e2d3c4b5a69788796a5b4c3d2e1f0/volumes/kubernetes.io~csi/v/mount',
      '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
    ],
    [`/var/lib/kubelet/plugins/kubernetes.io/csi/lvm.quarry.csi/0123/globalmount`, undefined],
    [`/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/staging/pvc-1/device`, undefined],
    // Mounts that kubelet makes itself: a subpath, and its second mount of a block device.
    [`/var/lib/kubelet/pods/${uid}/volume-subpaths/pvc-1/main/0`, undefined],
    [`/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/pvc-1/dev/${uid}`, undefined],
    ['/tmp/mount', undefined],
    [`/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~csi/pvc-1/mount/data`, undefined],
    [`/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/pvc-1/${uid}/data`, undefined],
  ])('reads the pod of the target %s: %s', (target, pod) => expect(podOfTarget(target)).toBe(pod));
});

const uids = fc.oneof(fc.uuid(), fc.stringMatching(/^[0-9a-f]{32}$/));
const roots = fc.constantFrom('', 'custom', 'kubelet');

test('finds the UID of a pod in the cgroup names of both drivers, in any class and below any root', () =>
  fc.assert(
    fc.property(
      uids,
      roots,
      fc.constantFrom('cgroupfs' as const, 'systemd' as const),
      fc.constantFrom('guaranteed' as const, 'burstable' as const, 'besteffort' as const),
      (name, root, by, pod) => {
        const levels = podCgroup(name, { by, pod, root }).split('/');
        expect(podOfCgroup(levels.at(-1) ?? '')).toBe(name);
        expect(isPodsRoot(levels[root ? 1 : 0] ?? '')).toBe(true);
        expect(levels.filter((level) => isClassFolder(level))).toHaveLength(pod === 'guaranteed' ? 0 : 1);
      },
    ),
  ));

test.each([
  'kubepods-burstable.slice',
  'system.slice',
  'x.service',
  'kubepods',
  'cri-containerd-0123.scope',
  'x-poda.slice.scope',
])('finds no pod in the name %s', (name) => expect(podOfCgroup(name)).toBeUndefined());

test('a class of pods has the whole name of a folder', () => {
  for (const name of ['burstable', 'besteffort', 'kubepods-burstable.slice']) expect(isClassFolder(name)).toBe(true);
  for (const name of ['burstable.x', 'xburstable', 'kubepods-burstable.slice.x'])
    expect(isClassFolder(name)).toBe(false);
});
