import { describe, expect, test } from 'vitest';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import type { Worker } from '../../lab/kubernetes/worker.ts';
import { logicalVolumes, useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';
import { postgres, sql } from '../support/postgres.ts';

describe('what fails', () => {
  const site = useCluster('failures');
  const data = { className: 'thin', size: '1Gi' };
  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

  const create = async (...pods: readonly string[]): Promise<void> => {
    const objects = pods.map((name) => [
      claim(name, { className: 'thin', size: '64Mi' }),
      pod(name, { volumes: { '/data': { claim: name } } }),
    ]);
    await site().kubectl.apply(...objects.flat());
  };
  const remove = async (...pods: readonly string[]): Promise<void> => {
    const { kubectl, cluster, volumeOf } = site();
    const volumes = await Promise.all(pods.map(volumeOf));
    const objects = pods.flatMap((name) => [`pod/${name}`, `pvc/${name}`]);
    await kubectl.run(['delete', ...objects], { timeout: 100_000 });
    await kubectl.wait(
      'delete',
      volumes.map((name) => `pv/${name}`),
    );
    const left = await logicalVolumes(cluster);
    expect(volumes.filter((name) => left.includes(name))).toEqual([]);
  };
  /** SIGKILL to the driver's role on a node; kubelet starts it again. */
  const killDriver = async ({ guest }: Worker, role: 'node' | 'controller'): Promise<void> => {
    await guest.shell(`pkill -KILL -f '^/usr/local/bin/node /opt/quarry/quarry.mjs ${role}'`);
  };

  test('is a node under load: every transaction that was acknowledged is there after a power cut', async () => {
    const { kubectl, ready, nodeOf, inPod, cluster } = site();
    await kubectl.apply(storageClass('thin', { pool: 'fast', type: 'thin' }));
    await kubectl.apply(...postgres('pg', data));
    await ready('pg-0');
    await sql(site(), 'pg', 'CREATE TABLE ledger (n bigint PRIMARY KEY)');
    await inPod('pg-0', 'PATH=$(echo /usr/lib/postgresql/*/bin); $PATH/pgbench -h /tmp -U postgres -iq postgres');
    const worker = await nodeOf('pg-0');
    const other = cluster.workers.find((candidate) => candidate !== worker);
    // The client is on the other node: it survives, and knows what it was told.
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
    await inPod('client', `timeout 100 sh -c 'until pg_isready -q ${server}; do sleep 0.2; done'`);
    const rows = await inPod('client', `psql -qtA ${server} -c 'SELECT n FROM ledger'`);
    const there = new Set(rows.split('\n').map(Number));
    expect(acknowledged.length).toBeGreaterThanOrEqual(200);
    expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
  }, 240_000);

  test('is the driver on a node during creations and deletions: all converge, nothing is left', async () => {
    const { ready, cluster } = site();
    const pods = names('storm', 8);
    await create(...pods);
    for (const worker of cluster.workers) await killDriver(worker, 'node');
    await ready(...pods);
    const removed = remove(...pods);
    for (const worker of cluster.workers) await killDriver(worker, 'node');
    await removed;
  }, 240_000);

  test('is a controller: the other goes on', async () => {
    const { ready, cluster } = site();
    const pods = names('orphaned', 4);
    await create(...pods);
    const [first] = cluster.workers;
    if (first) await killDriver(first, 'controller');
    await ready(...pods);
    await remove(...pods);
  }, 240_000);

  test('is a node while its volume is deleted: the volume goes when the node is back', async () => {
    const { kubectl, ready, nodeOf, volumeOf, cluster } = site();
    await create('left');
    await ready('left');
    const worker = await nodeOf('left');
    const volume = await volumeOf('left');
    await worker.guest.powerCut();
    await kubectl.run(['delete', 'pod/left', '--grace-period=0', '--force']);
    await kubectl.run(['delete', 'pvc/left', '--wait=false']);
    await kubectl.wait('jsonpath={.status.phase}=Released', [`pv/${volume}`]);
    await worker.boot();
    await kubectl.wait('delete', [`pv/${volume}`], 150);
    expect(await logicalVolumes(cluster)).not.toContain(volume);
  }, 300_000);

  test('is the API server: pods keep their volumes, and all goes on when it is back', async () => {
    const { kubectl, ready, nodeOf, cluster } = site();
    await create('steady');
    await ready('steady');
    const { guest } = await nodeOf('steady');
    const server = cluster.controlPlane.processes.get('kube-apiserver');
    server?.kill('SIGKILL');
    await server?.exited;
    expect((await kubectl.try(['get', 'pods'])).exitCode).toBe(1);
    await guest.shell(
      'cd /proc/$(pgrep -f "^sh -c trap exit TERM" | tail -1)/root/data && echo still >there && sync .',
    );
    await cluster.controlPlane.restart('kube-apiserver');
    await create('after');
    await ready('after');
    await remove('steady', 'after');
  }, 240_000);
});

describe('a node', () => {
  const site = useCluster('trust');

  test('may do nothing at the API server but what anybody may', async () => {
    const user = `--as=system:serviceaccount:${NAMESPACE}:quarry-node`;
    const allowed = await site().kubectl.run(['auth', 'can-i', '--list', user, '--no-headers']);
    const resources = allowed.split('\n').flatMap((line) => /^[a-z]\S*/.exec(line) ?? []);
    expect(resources.toSorted()).toEqual([
      'selfsubjectaccessreviews.authorization.k8s.io',
      'selfsubjectreviews.authentication.k8s.io',
      'selfsubjectrulesreviews.authorization.k8s.io',
    ]);
  });

  test('listens on its loopback alone', async () => {
    for (const { guest } of site().cluster.workers) {
      const pids = await guest.shell(`pgrep -f '^/usr/local/bin/node /opt/quarry/quarry.mjs node'`);
      const listeners = await guest.shell(`ss -Hltnp | grep 'pid=${pids.trim()},' | awk '{ print $4 }'`);
      expect(listeners.trim()).toBe('127.0.0.1:9809');
    }
  });
});
