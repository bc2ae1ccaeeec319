import { expect, test } from 'vitest';
import { installQuarry } from '../../lab/kubernetes/install.ts';
import { useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';

const site = useCluster('modes');

/** Whether LVM of each node runs in the namespaces of a container. */
async function lvmIsInContainer(): Promise<boolean[]> {
  return Promise.all(
    site().cluster.workers.map(async ({ guest }) => {
      const lvm = await guest.shell('readlink /proc/$(pgrep -x lvm | head -1)/ns/mnt');
      return lvm !== (await guest.shell('readlink /proc/1/ns/mnt'));
    }),
  );
}

test('LVM of the host and LVM of the container serve the same volumes, one after the other', async () => {
  const { cluster, kubectl, ready, inPod } = site();
  await kubectl.apply(storageClass('modes', { pool: 'fast', type: 'thin' }));
  expect(await lvmIsInContainer()).toEqual([false, false]);
  await kubectl.apply(claim('first', { className: 'modes', size: '64Mi' }));
  await kubectl.apply(pod('first', { volumes: { '/data': { claim: 'first' } } }));
  await ready('first');
  await inPod('first', 'echo host >/data/file; sync');

  await installQuarry(cluster, { node: { lvmMode: 'container' } });
  expect(await lvmIsInContainer()).toEqual([true, true]);
  await kubectl.run(['delete', 'pod', 'first']);
  await kubectl.apply(claim('second', { className: 'modes', size: '64Mi' }));
  await kubectl.apply(pod('second', { volumes: { '/data': { claim: 'first' }, '/more': { claim: 'second' } } }));
  await ready('second');
  expect(await inPod('second', 'cat /data/file; echo container >/more/file; sync')).toBe('host\n');

  await installQuarry(cluster);
  expect(await lvmIsInContainer()).toEqual([false, false]);
  await kubectl.run(['delete', 'pod', 'second']);
  await kubectl.apply(pod('third', { volumes: { '/more': { claim: 'second' } } }));
  await ready('third');
  expect(await inPod('third', 'cat /more/file')).toBe('container\n');
}, 300_000);
