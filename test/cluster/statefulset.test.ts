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

describe('a StatefulSet whose PersistentVolumes and claims are lost', () => {
  const site = useCluster('lost');

  test('finds its data after quarry recover', async () => {
    const { cluster, kubectl, ready, inPod, volumeOf } = site();
    const pods = ['kept-0', 'kept-1'];
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...statefulSet('kept', { replicas: 2, data: { className: 'thin', size: '64Mi' } }));
    await ready(...pods);
    for (const pod of pods) await inPod(pod, 'hostname >/data/written; sync');
    const volumes = await Promise.all(pods.map((pod) => volumeOf(`volume-0-${pod}`)));
    const tagged = (volume: string): string => `lvs --noheadings -S 'lv_name=${volume}' -o lv_tags`;
    for (const volume of volumes) {
      const recorded = `[ -z "$(${tagged(volume)})" ] || ${tagged(volume)} | grep -q quarry.pv=pv=${volume}`;
      for (const { guest } of cluster.workers) await guest.shell(`until ${recorded}; do sleep 1; done`);
    }
    await kubectl.run(['scale', 'statefulset/kept', '--replicas=0']);
    await kubectl.wait(
      'delete',
      pods.map((pod) => `pod/${pod}`),
    );

    // As if etcd were lost: no controller sees a PersistentVolume that is released.
    const persistent = volumes.map((volume) => `pv/${volume}`);
    await kubectl.run(['delete', ...persistent, '--wait=false']);
    for (const one of persistent)
      await kubectl.run(['patch', one, '--type=merge', '-p', '{"metadata":{"finalizers":null}}']);
    await kubectl.wait('delete', persistent);
    await kubectl.run(['delete', 'pvc', '--all']);
    const controller = ['exec', 'deploy/quarry-controller', '-c', 'quarry', '--', 'quarry'];
    const recover = (...words: string[]): Promise<string> =>
      cluster.kubectl.within('quarry').run([...controller, 'recover', ...words]);
    expect(await recover('--apply')).toContain(`PersistentVolume ${volumes[0]}: created`);
    expect(await recover()).toBe('');
    await cluster.kubectl.run(['delete', ...persistent]);
    await cluster.kubectl.applyText(await recover('--claims'));

    await kubectl.run(['scale', 'statefulset/kept', '--replicas=2']);
    await ready(...pods);
    expect(await Promise.all(pods.map((pod) => inPod(pod, 'cat /data/written')))).toEqual(
      pods.map((pod) => `${pod}\n`),
    );
    expect(await Promise.all(pods.map((pod) => volumeOf(`volume-0-${pod}`)))).toEqual(volumes);
    const { spec } = await kubectl.get<{ spec: object }>('pv', volumes[0] ?? '');
    expect(spec).toMatchObject({ persistentVolumeReclaimPolicy: 'Delete', storageClassName: 'thin' });
    await kubectl.run(['delete', 'statefulset/kept', '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc', '--all']);
  });
});
