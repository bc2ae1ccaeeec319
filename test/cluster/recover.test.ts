import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { administratorOf } from '../support/administrator.ts';
import { installExample, type Site, untilRecorded, useCluster } from '../support/cluster.ts';
import { commandsWith } from '../support/guides.ts';
import { statefulSet, storageClass } from '../support/manifests.ts';

const GUIDE = 'docs/guides/recover-after-losing-the-cluster.md';
const COUNT = 'n=$(cat /data/log | wc -l); while n=$((n + 1)); do echo $n >>/data/log; sync /data/log; sleep 0.5; done';
const SETS = [
  statefulSet('db', {
    replicas: 2,
    data: { className: 'wiped-thin', size: '128Mi' },
    command: ['sh', '-ec', `touch /data/log; ${COUNT}`],
  }),
  statefulSet('queue', { replicas: 2, data: { className: 'wiped-thick', size: '64Mi', mode: 'Block' } }),
].flat();
const counting = ['db-0', 'db-1'];
const raw = ['queue-0', 'queue-1'];
const pods = [...counting, ...raw];

async function applySets({ kubectl, ready }: Site): Promise<void> {
  await kubectl.apply(
    storageClass('wiped-thin', { pool: 'fast', type: 'thin' }),
    storageClass('wiped-thick', { pool: 'bulk', type: 'thick' }),
    ...SETS,
  );
  await ready(...pods);
}

describe('running StatefulSets whose cluster has lost the data of etcd', () => {
  const site = useCluster('wiped');
  const inEach = (names: readonly string[], script: string) =>
    Promise.all(names.map((name) => site().inPod(name, script)));
  const onNodes = (script: string) =>
    Promise.all(site().cluster.workers.map(({ guest }) => guest.shell(script, { timeout: 170_000 })));
  const volumes = () => Promise.all(pods.map((pod) => site().volumeOf(`volume-0-${pod}`)));

  test('have all their data after the steps of the guide', async () => {
    const { cluster, kubectl } = site();
    const administrator = await administratorOf(cluster);
    await applySets(site());
    await inEach(raw, 'hostname | dd of=/dev/data bs=4096 conv=sync,fsync status=none');
    const before = await volumes();
    await untilRecorded(cluster, before);
    const lengths = (await inEach(counting, 'wc -l </data/log')).map(Number);

    await cluster.loseObjects();
    // Kubelet ends the pods that the API server does not know, also those of the driver.
    await onNodes('while [ -n "$(/runtime/usr/bin/ctr --namespace k8s.io tasks list --quiet)" ]; do sleep 0.2; done');
    const install = 'docs/guides/install.md';
    await administrator(commandsWith(install, 'kubectl create namespace quarry'));
    await installExample(cluster);
    const controller = ['exec', 'deploy/quarry-controller', '-c', 'quarry', '--', 'quarry'];
    const recover = (...words: string[]) => cluster.kubectl.within(NAMESPACE).run([...controller, 'recover', ...words]);
    expect(await recover('--apply')).toContain(`PersistentVolume ${before[0]}: created`);
    expect(await recover()).toBe('');
    await cluster.kubectl.run(['delete', ...before.map((volume) => `pv/${volume}`)]);

    const see = await administrator(commandsWith(GUIDE, 'recover --claims\n'));
    for (const volume of before) expect(see).toContain(`name: ${volume}\n`);
    await administrator(commandsWith(GUIDE, 'create namespace').replace('NAMESPACE', 'wiped'));
    await administrator(commandsWith(GUIDE, '| kubectl apply'));
    await applySets(site());

    expect(await volumes()).toEqual(before);
    expect(await inEach(raw, 'head -n 1 /dev/data')).toEqual(raw.map((pod) => `${pod}\n`));
    for (const [index, log] of (await inEach(counting, 'cat /data/log')).entries()) {
      const lines = log.trimEnd().split('\n').map(Number);
      expect(lines).toEqual(lines.map((_, at) => at + 1));
      expect(lines.length).toBeGreaterThan(lengths[index] ?? Infinity);
    }
    expect((await onNodes('dmesg | grep "EXT4-fs error" || true')).join('')).toBe('');
    await kubectl.run(['delete', 'statefulset', '--all', '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc', '--all']);
  }, 400_000);
});
