import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { cgroupOf, driverOn, inlineVolumes, killPod, logicalVolumes, useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';

interface Pod {
  readonly status: { readonly conditions?: readonly { readonly message?: string }[] };
}

describe('a volume of a pod', () => {
  const site = useCluster('volumes');

  test('can be a raw block device, which the next pod finds with the same content, and cannot write if it asked for read-only', async () => {
    const { kubectl, inPod, ready } = site();
    await kubectl.apply(
      storageClass('thin', { pool: 'fast', type: 'thin' }),
      storageClass('thick', { pool: 'bulk', type: 'thick' }, { volumeBindingMode: 'Immediate' }),
      storageClass('xfs', { pool: 'fast', type: 'thin', 'csi.storage.k8s.io/fstype': 'xfs' }),
    );
    await kubectl.apply(claim('raw', { className: 'thick', size: '128Mi', mode: 'Block' }));
    // Immediate: the volume exists before any pod uses it.
    await kubectl.wait('jsonpath={.status.phase}=Bound', ['pvc/raw']);
    const volumes = { '/dev/raw': { claim: 'raw' } };
    await kubectl.apply(pod('writer', { volumes }));
    await ready('writer');
    expect(await inPod('writer', 'blockdev --getsize64 /dev/raw')).toBe(`${128 * 2 ** 20}\n`);
    await inPod('writer', 'yes raw | dd of=/dev/raw bs=1M count=64 iflag=fullblock oflag=direct status=none');
    const written = await inPod('writer', 'dd if=/dev/raw bs=1M count=64 iflag=direct status=none | sha256sum');
    await kubectl.run(['delete', 'pod', 'writer']);
    await kubectl.apply(pod('reader', { volumes: { '/dev/raw': { claim: 'raw', readOnly: true } } }));
    await ready('reader');
    const read = await inPod('reader', 'dd if=/dev/raw bs=1M count=64 iflag=direct status=none | sha256sum');
    expect(read).toBe(written);
    await expect(inPod('reader', 'dd if=/dev/zero of=/dev/raw count=1')).rejects.toThrow('Operation not permitted');
  });

  test('has xfs if its class says so', async () => {
    const { kubectl, inPod, ready } = site();
    await kubectl.apply(claim('xfs', { className: 'xfs', size: '512Mi' }));
    await kubectl.apply(pod('xfs', { volumes: { '/data': { claim: 'xfs' } } }));
    await ready('xfs');
    expect(await inPod('xfs', 'findmnt -no FSTYPE /data')).toBe('xfs\n');
  });

  test('is deleted with the pod if it is a generic ephemeral one', async () => {
    const { kubectl, cluster, ready, volumeOf } = site();
    const ephemeral = { className: 'thin', size: '64Mi' };
    await kubectl.apply(pod('passing', { volumes: { '/scratch': { ephemeral } } }));
    await ready('passing');
    const volume = await volumeOf('passing-volume-0');
    expect(await logicalVolumes(cluster)).toContain(volume);
    await kubectl.run(['delete', 'pod', 'passing']);
    await kubectl.wait('delete', [`pv/${volume}`]);
    expect(await logicalVolumes(cluster)).not.toContain(volume);
  });

  test('is made and limited with its pod if it is inline, and gone with it, also if the driver is killed meanwhile', async () => {
    const { kubectl, cluster, inPod, ready, nodeOf } = site();
    const volumes = { '/scratch': { inline: { size: '64Mi', writeIops: '70' } } };
    const securityContext = { runAsUser: 1000, fsGroup: 4711 };
    await kubectl.apply(pod('inline', { volumes, spec: { securityContext } }), pod('forced', { volumes }));
    await ready('inline', 'forced');
    expect(await inPod('inline', 'echo mine >/scratch/file; df --output=fstype /scratch | tail -1')).toBe('ext4\n');
    const { guest } = await nodeOf('inline');
    const { metadata } = await kubectl.get<{ metadata: { uid: string } }>('pod', 'inline');
    expect(await guest.shell(`cat ${cgroupOf(metadata.uid)}/io.max`)).toContain('wiops=70');
    expect(await inlineVolumes(cluster)).toHaveLength(2);
    await kubectl.run(['delete', 'pod', 'inline']);
    await expect.poll(() => inlineVolumes(cluster), { timeout: 30_000 }).toHaveLength(1);
    const driver = await driverOn(cluster, (await nodeOf('forced')).name);
    await killPod(cluster, NAMESPACE, driver);
    await kubectl.run(['delete', 'pod', 'forced', '--force', '--grace-period=0']);
    await expect.poll(() => inlineVolumes(cluster), { timeout: 60_000 }).toEqual([]);
  });

  test('belongs to the group of fsGroup, and two pods at once use it, read-only and by subPath', async () => {
    const { kubectl, inPod, ready } = site();
    await kubectl.apply(claim('shared', { className: 'thin', size: '128Mi' }));
    const securityContext = { runAsUser: 1000, runAsGroup: 1000, fsGroup: 4711 };
    await kubectl.apply(pod('owner', { volumes: { '/data': { claim: 'shared' } }, spec: { securityContext } }));
    await ready('owner');
    expect(await inPod('owner', 'stat -c "%g %A" /data')).toMatch(/^4711 drwxrws/);
    await inPod('owner', 'mkdir /data/part; echo mine >/data/part/file; stat -c %g /data/part/file');
    await kubectl.apply(
      pod('guest', {
        volumes: {
          '/whole': { claim: 'shared', readOnly: true },
        },
      }),
      pod('part', { volumes: { '/part': { claim: 'shared', subPath: 'part' } } }),
    );
    await ready('guest', 'part');
    expect(await inPod('guest', 'cat /whole/part/file')).toBe('mine\n');
    await expect(inPod('guest', 'touch /whole/new')).rejects.toThrow('Read-only file system');
    expect(await inPod('part', 'ls /part')).toBe('file\n');
  });

  test('lets a second pod wait if its mode is ReadWriteOncePod', async () => {
    const { kubectl, ready } = site();
    await kubectl.apply(claim('alone', { className: 'thin', size: '64Mi', access: 'ReadWriteOncePod' }));
    const volumes = { '/data': { claim: 'alone' } };
    await kubectl.apply(pod('first', { volumes }));
    await ready('first');
    await kubectl.apply(pod('second', { volumes }));
    await kubectl.wait('jsonpath={.status.conditions[0].reason}=Unschedulable', ['pod/second']);
    const { status } = await kubectl.get<Pod>('pod', 'second');
    expect(status.conditions?.[0]?.message).toContain('ReadWriteOncePod');
    await kubectl.run(['delete', 'pod', 'first']);
    await ready('second');
  });

  test('grows while a pod writes to it', async () => {
    const { kubectl, inPod, ready } = site();
    await kubectl.apply(claim('growing', { className: 'thin', size: '256Mi' }));
    const write = 'while :; do dd if=/dev/zero of=/data/busy bs=64k count=16 conv=fsync status=none; done';
    await kubectl.apply(pod('busy', { volumes: { '/data': { claim: 'growing' } }, command: ['sh', '-ec', write] }));
    await ready('busy');
    const patch = { spec: { resources: { requests: { storage: '1Gi' } } } };
    await kubectl.run(['patch', 'pvc', 'growing', `--patch=${JSON.stringify(patch)}`]);
    await kubectl.wait('jsonpath={.status.capacity.storage}=1Gi', ['pvc/growing']);
    expect(Number(await inPod('busy', 'df --output=size -B1 /data | tail -1'))).toBeGreaterThan(900 * 2 ** 20);
    // The writer ends, and the pod with it, at the first write that fails.
    await kubectl.wait('condition=Ready', ['pod/busy'], 1);
  });
});
