import { describe, expect, test } from 'vitest';
import { useCluster } from '../support/cluster.ts';
import { podOf, statefulSet, storageClass } from '../support/manifests.ts';

interface Claim {
  readonly spec: { readonly volumeName: string };
}

describe('a StatefulSet of three replicas on thin ext4', () => {
  const bench = useCluster('statefulset');
  const pods = ['db-0', 'db-1', 'db-2'];

  const written = (pod: string): Promise<string> => bench().kubectl.run(['exec', pod, '--', 'cat', '/data/written']);
  const volumes = (): Promise<string[]> =>
    Promise.all(pods.map(async (pod) => (await bench().kubectl.get<Claim>('pvc', `data-${pod}`)).spec.volumeName));
  const rolledOut = (): Promise<string> =>
    bench().kubectl.run(['rollout', 'status', 'statefulset/db', '--timeout=60s'], { timeout: 70_000 });

  test('gets a volume for each, formatted, mounted and known by its name', async () => {
    const { kubectl } = bench();
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...statefulSet('db', { className: 'thin', size: '1Gi', replicas: 3 }));
    await rolledOut();
    for (const pod of pods) {
      expect(await kubectl.run(['exec', pod, '--', 'findmnt', '-no', 'FSTYPE', '/data'])).toBe('ext4\n');
      await kubectl.run(['exec', pod, '--', 'sh', '-c', 'hostname >/data/written; sync']);
    }
    expect(await kubectl.run(['exec', 'db-0', '--', 'getent', 'hosts', 'db-1.db'])).toContain('db-1.db.statefulset');
  });

  test('finds its data after a rolling update', async () => {
    const { kubectl } = bench();
    await kubectl.run(['set', 'env', 'statefulset/db', 'ROUND=2']);
    await rolledOut();
    for (const pod of pods) {
      expect(await kubectl.run(['exec', pod, '--', 'printenv', 'ROUND'])).toBe('2\n');
      expect(await written(pod)).toBe(`${pod}\n`);
    }
  });

  test('finds its data after it was scaled down and up', async () => {
    const { kubectl } = bench();
    const before = await volumes();
    await kubectl.run(['scale', 'statefulset/db', '--replicas=0']);
    await kubectl.wait(
      'delete',
      pods.map((pod) => `pod/${pod}`),
    );
    await kubectl.run(['scale', 'statefulset/db', '--replicas=3']);
    await rolledOut();
    for (const pod of pods) expect(await written(pod)).toBe(`${pod}\n`);
    expect(await volumes()).toEqual(before);
  });

  test('leaves nothing when it and its claims are deleted', async () => {
    const { kubectl, cluster } = bench();
    const persistent = (await volumes()).map((name) => `pv/${name}`);
    await kubectl.run(['delete', 'statefulset/db', '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc', '--all']);
    await kubectl.wait('delete', persistent);
    for (const { guest } of cluster.workers) {
      expect(await guest.shell('lvs --noheadings -o lv_name --select lv_name=~^pvc')).toBe('');
    }
  });

  test('runs where its volume is: a pod returns to its node', async () => {
    const { kubectl } = bench();
    await kubectl.apply(...statefulSet('solo', { className: 'thin', size: '64Mi', replicas: 1 }));
    await kubectl.wait('condition=Ready', ['pod/solo-0']);
    const first = await podOf(kubectl, 'solo-0');
    await kubectl.run(['delete', 'pod', 'solo-0']);
    await kubectl.wait('condition=Ready', ['pod/solo-0']);
    const second = await podOf(kubectl, 'solo-0');
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    expect(second.spec.nodeName).toBe(first.spec.nodeName);
  });
});
