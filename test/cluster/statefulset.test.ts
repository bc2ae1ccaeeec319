import { describe, expect, test } from 'vitest';
import { logicalVolumes, useCluster } from '../support/cluster.ts';
import { statefulSet, storageClass } from '../support/manifests.ts';

describe('a StatefulSet of three replicas on thin ext4', () => {
  const site = useCluster('statefulset');
  const pods = ['db-0', 'db-1', 'db-2'];

  const volumes = (): Promise<string[]> => Promise.all(pods.map((name) => site().volumeOf(`volume-0-${name}`)));
  const rolledOut = (): Promise<string> =>
    site().kubectl.run(['rollout', 'status', 'statefulset/db', '--timeout=100s'], { timeout: 110_000 });

  test('gets a volume for each, formatted, mounted and known by its name', async () => {
    const { kubectl, inPod } = site();
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...statefulSet('db', { replicas: 3, data: { className: 'thin', size: '1Gi' } }));
    await rolledOut();
    for (const name of pods) {
      expect(await inPod(name, 'findmnt -no FSTYPE /data')).toBe('ext4\n');
      await inPod(name, 'hostname >/data/written; sync');
    }
    expect(await inPod('db-0', 'getent hosts db-1.db')).toContain('db-1.db.statefulset.svc');
  });

  test('finds its data after a rolling update', async () => {
    const { kubectl, inPod } = site();
    await kubectl.run(['set', 'env', 'statefulset/db', 'ROUND=2']);
    await rolledOut();
    for (const name of pods) expect(await inPod(name, 'echo $ROUND; cat /data/written')).toBe(`2\n${name}\n`);
  });

  test('finds its data after it was scaled down and up', async () => {
    const { kubectl, inPod } = site();
    const before = await volumes();
    await kubectl.run(['scale', 'statefulset/db', '--replicas=0']);
    await kubectl.wait(
      'delete',
      pods.map((name) => `pod/${name}`),
    );
    await kubectl.run(['scale', 'statefulset/db', '--replicas=3']);
    await rolledOut();
    for (const name of pods) expect(await inPod(name, 'cat /data/written')).toBe(`${name}\n`);
    expect(await volumes()).toEqual(before);
  });

  test('leaves nothing when it and its claims are deleted', async () => {
    const { kubectl, cluster } = site();
    const persistent = await volumes();
    await kubectl.run(['delete', 'statefulset/db', '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc', '--all']);
    await kubectl.wait(
      'delete',
      persistent.map((name) => `pv/${name}`),
    );
    const left = await logicalVolumes(cluster);
    expect(persistent.filter((name) => left.includes(name))).toEqual([]);
  });

  test('takes its claims along where its retention policy says so', async () => {
    const { kubectl, volumeOf, ready } = site();
    const set = { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete', whenScaled: 'Delete' } };
    const data = { className: 'thin', size: '64Mi' };
    await kubectl.apply(...statefulSet('tidy', { replicas: 2, data, set }));
    await ready('tidy-0', 'tidy-1');
    const second = await volumeOf('volume-0-tidy-1');
    await kubectl.run(['scale', 'statefulset/tidy', '--replicas=1']);
    await kubectl.wait('delete', [`pv/${second}`]);
    const first = await volumeOf('volume-0-tidy-0');
    await kubectl.run(['delete', 'statefulset/tidy']);
    await kubectl.wait('delete', [`pv/${first}`]);
  });
});
