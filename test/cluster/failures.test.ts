import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import { administratorOf } from '../support/administrator.ts';
import { killPod, useCluster } from '../support/cluster.ts';
import { claim, pod, statefulSet, storageClass } from '../support/manifests.ts';
import { postgres, sql } from '../support/postgres.ts';
import { createClaims, createPods, namesOf, requestRemoval, untilRemoved } from '../support/small-volumes.ts';

describe('a failure', () => {
  const site = useCluster('failures');
  const data = { className: 'thin', size: '1Gi' };
  const create = async (prefix: string, count: number): Promise<string[]> => {
    const names = namesOf(prefix, count);
    await createClaims(site(), names, 'thin');
    await createPods(site(), names);
    return names;
  };
  const remove = async (names: readonly string[]): Promise<void> =>
    untilRemoved(site(), await requestRemoval(site(), names));

  test('of a node under load loses no acknowledged transaction', async () => {
    const { kubectl, ready, nodeOf, inPod, cluster } = site();
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...postgres('pg', data));
    await ready('pg-0');
    await sql(site(), 'pg', 'CREATE TABLE ledger (n bigint PRIMARY KEY)');
    await inPod('pg-0', 'PATH=$(echo /usr/lib/postgresql/*/bin); $PATH/pgbench -h /tmp -U postgres -iq postgres');
    const worker = await nodeOf('pg-0');
    const other = cluster.workers.find((candidate) => candidate !== worker);
    // The client is on the other node: it survives, and knows which transactions were acknowledged.
    await kubectl.apply(pod('client', { spec: { nodeName: other?.name } }));
    await ready('client');
    const server = '--host=pg-0.pg --username=postgres';
    const load = await kubectl.start(['exec', 'client', '--', 'sh', '-c', `pgbench -c 4 -T 600 ${server} postgres`]);
    const insert = `seq 1 1000000 | sed 's/.*/INSERT INTO ledger VALUES (&) RETURNING n;/' | psql -qtA ${server}`;
    const ledger = await kubectl.start(['exec', 'client', '--', 'sh', '-c', insert]);
    await ledger.stdout.waitFor(/^200$/, 60_000);
    await worker.guest.powerCut();
    const acknowledged = ledger.stdout.text.split('\n').filter(Boolean).map(Number);
    for (const started of [load, ledger]) started.kill('SIGKILL');
    await worker.boot();
    await inPod('client', `until pg_isready -q ${server}; do sleep 0.2; done`, { timeout: 120_000 });
    const rows = await inPod('client', `psql -qtA ${server} -c 'SELECT n FROM ledger'`);
    const there = new Set(rows.split('\n').map(Number));
    expect(acknowledged.length).toBeGreaterThanOrEqual(200);
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
  }, 240_000);

  test('of the controller whose sidecars lead lets the other one continue', async () => {
    const { cluster, ready } = site();
    const within = cluster.kubectl.within(NAMESPACE);
    const { spec } = await within.get<{ spec: { holderIdentity: string } }>('lease', 'lvm-quarry-csi');
    const pods = await create('orphaned', 4);
    await killPod(cluster, NAMESPACE, spec.holderIdentity);
    await ready(...pods);
    await remove(pods);
  }, 240_000);

  test('of a node that is reinstalled with its disks kept loses no volume, and one that was deleted meanwhile is removed', async () => {
    const { kubectl, ready, nodeOf, inPod, volumeOf, cluster } = site();
    const administrator = await administratorOf(cluster);
    await kubectl.apply(...statefulSet('kept', { replicas: 1, data: { className: 'thin', size: '64Mi' } }));
    await ready('kept-0');
    await inPod('kept-0', 'hostname >/data/written; sync /data/written');
    const worker = await nodeOf('kept-0');
    await kubectl.apply(
      claim('left', { className: 'thin', size: '16Mi' }),
      pod('left', {
        volumes: { '/data': { claim: 'left' } },
        spec: { nodeSelector: { 'kubernetes.io/hostname': worker.name } },
      }),
    );
    await ready('left');
    const [kept, left] = [await volumeOf('volume-0-kept-0'), await volumeOf('left')];
    const identity = () => worker.guest.shell('cat /etc/machine-id || true');
    const before = await identity();
    await worker.guest.powerCut();
    await kubectl.run(['delete', 'pod/left', '--grace-period=0', '--force']);
    await kubectl.run(['delete', 'pvc/left', '--wait=false']);
    await kubectl.wait('jsonpath={.status.phase}=Released', [`pv/${left}`]);
    await administrator(`kubectl delete node ${worker.name}`);
    await worker.reinstall();
    expect(await identity()).not.toBe(before);
    await kubectl.wait('delete', [`pv/${left}`], 150);
    // Kubernetes may still show the pod of before as ready.
    const written = async () => (await kubectl.try(['exec', 'kept-0', '--', 'cat', '/data/written'])).stdout;
    await expect.poll(written, { timeout: 150_000, interval: 1000 }).toBe('kept-0\n');
    expect(await volumeOf('volume-0-kept-0')).toBe(kept);
    await kubectl.run(['delete', 'statefulset/kept', '--cascade=foreground']);
    await kubectl.run(['delete', 'pvc/volume-0-kept-0']);
  }, 400_000);

  test("of the API server for a minute interrupts no pod's writes, and all requests are completed when it is back", async () => {
    const { kubectl, ready, nodeOf, volumeOf, cluster } = site();
    const count = 'n=0; while :; do n=$((n + 1)); echo $n >>/data/log; sync /data/log; sleep 1; done';
    await kubectl.apply(
      claim('steady', { className: 'thin', size: '64Mi' }),
      pod('steady', { volumes: { '/data': { claim: 'steady' } }, command: ['sh', '-ec', count] }),
    );
    const leaving = await create('leaving', 2);
    await ready('steady', ...leaving);
    const { guest } = await nodeOf('steady');
    const log = `/var/lib/kubelet/pods/*/volumes/kubernetes.io~csi/${await volumeOf('steady')}/mount/log`;
    const lines = async (): Promise<number> => Number(await guest.shell(`wc -l <$(echo ${log})`));
    const leavingVolumes = await requestRemoval(site(), leaving);
    const coming = await create('coming', 4);
    // The other components lose their leases with it, and are started again.
    const parts = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
    for (const name of parts) {
      const part = cluster.controlPlane.processes.get(name);
      part?.kill('SIGKILL');
      await part?.exited;
    }
    // The minute is counted by the pod.
    const end = (await lines()) + 60;
    await expect.poll(lines, { timeout: 150_000, interval: 1000 }).toBeGreaterThan(end);
    expect((await kubectl.try(['get', 'pods'])).exitCode).toBe(1);
    for (const name of parts) await cluster.controlPlane.restart(name);
    // Clients that watch the API server reconnect at their own pace, after up to a minute.
    const pods = coming.map((name) => `pod/${name}`);
    await kubectl.wait('condition=Ready', pods, 180);
    await untilRemoved(site(), leavingVolumes);
    await remove(coming);
    const written = await guest.shell(`cat ${log}`);
    expect(written).toBe(Array.from(written.trim().split('\n'), (_, i) => `${i + 1}\n`).join(''));
  }, 400_000);
});
