import { describe, expect, test } from 'vitest';
import { logicalVolumes, useCluster } from '../support/cluster.ts';
import { statefulSet, storageClass } from '../support/manifests.ts';

const SETS = [
  {
    kind: 'thin ext4, bound when its pod is scheduled',
    name: 'db',
    data: { className: 'thin', size: '1Gi' },
    isWhatItShallBe: '[ $(findmnt -no FSTYPE /data) = ext4 ]',
    write: 'hostname >/data/written; sync',
    read: 'cat /data/written',
  },
  {
    kind: 'thick raw block, bound at once',
    name: 'queue',
    data: { className: 'thick', size: '128Mi', mode: 'Block' },
    isWhatItShallBe: `[ $(blockdev --getsize64 /dev/data) = ${128 * 2 ** 20} ]`,
    write: 'hostname | dd of=/dev/data bs=4096 conv=sync,fsync status=none',
    read: 'head -n 1 /dev/data',
  },
] as const;

describe.each(SETS)('a StatefulSet of three replicas on $kind', ({ name, data, isWhatItShallBe, write, read }) => {
  const site = useCluster(`statefulset-${name}`);
  const pods = [0, 1, 2].map((index) => `${name}-${index}`);
  const set = `statefulset/${name}`;

  const volumes = (): Promise<string[]> => Promise.all(pods.map((pod) => site().volumeOf(`volume-0-${pod}`)));
  const rolledOut = (): Promise<string> =>
    site().kubectl.run(['rollout', 'status', set, '--timeout=100s'], { timeout: 110_000 });
  const each = (script: string): Promise<string[]> => Promise.all(pods.map((pod) => site().inPod(pod, script)));

  test('gets a volume of its class for each replica, and DNS names for its pods', async () => {
    const { kubectl, inPod } = site();
    await kubectl.apply(
      storageClass('thin', { pool: 'fast', type: 'thin' }),
      storageClass('thick', { pool: 'bulk', type: 'thick' }, { volumeBindingMode: 'Immediate' }),
    );
    await kubectl.apply(...statefulSet(name, { replicas: 3, data }));
    await rolledOut();
    await each(`${isWhatItShallBe}; ${write}`);
    expect(await inPod(`${name}-0`, `getent hosts ${name}-1.${name}`)).toContain(`${name}-1.${name}.statefulset-`);
  });

  test('finds its data after a rolling update', async () => {
    await site().kubectl.run(['set', 'env', set, 'ROUND=2']);
    await rolledOut();
    expect(await each(`echo $ROUND; ${read}`)).toEqual(pods.map((pod) => `2\n${pod}\n`));
  });

  test('finds its data after it was scaled down and up', async () => {
    const { kubectl } = site();
    const before = await volumes();
    await kubectl.run(['scale', set, '--replicas=0']);
    await kubectl.wait(
      'delete',
      pods.map((pod) => `pod/${pod}`),
    );
    await kubectl.run(['scale', set, '--replicas=3']);
    await rolledOut();
    expect(await each(read)).toEqual(pods.map((pod) => `${pod}\n`));
    expect(await volumes()).toEqual(before);
  });

  test('leaves nothing when it and its claims are deleted', async () => {
    const { kubectl, cluster } = site();
    const persistent = await volumes();
    await kubectl.run(['delete', set, '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc', '--all']);
    await kubectl.wait(
      'delete',
      persistent.map((volume) => `pv/${volume}`),
    );
    const left = await logicalVolumes(cluster);
    expect(persistent.filter((volume) => left.includes(volume))).toEqual([]);
  });
});

describe('a StatefulSet with a retention policy', () => {
  const site = useCluster('retention');

  test('deletes its claims when it is scaled down, and when it is deleted', async () => {
    const { kubectl, volumeOf, ready } = site();
    const set = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } };
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...statefulSet('tidy', { replicas: 2, data: { className: 'thin', size: '64Mi' }, set }));
    await ready('tidy-0', 'tidy-1');
    const second = await volumeOf('volume-0-tidy-1');
    await kubectl.run(['scale', 'statefulset/tidy', '--replicas=1']);
    await kubectl.wait('delete', [`pv/${second}`]);
    const first = await volumeOf('volume-0-tidy-0');
    await kubectl.run(['delete', 'statefulset/tidy']);
    await kubectl.wait('delete', [`pv/${first}`]);
  });
});
