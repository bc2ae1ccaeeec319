import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';
import { postgres, sql } from '../support/postgres.ts';

describe('snapshots in Kubernetes', () => {
  const site = useCluster('snapshots');
  const size = '1Gi';

  beforeAll(async () => {
    const { kubectl, cluster } = site();
    // A snapshotter that starts while the API server is away gives up groups until it is restarted, and an earlier test may have done that.
    const controllers = cluster.kubectl.within(NAMESPACE);
    await controllers.run(['rollout', 'restart', 'deployment/quarry-controller']);
    await controllers.run(['rollout', 'status', 'deployment/quarry-controller', '--timeout=200s'], {
      timeout: 210_000,
    });
    await kubectl.applyText(readFileSync(join(dirname(EXAMPLE_VALUES), 'volume-snapshot-classes.yaml'), 'utf8'));
    await kubectl.apply(
      storageClass('source', { pool: 'fast', type: 'thin' }),
      // Immediate: the volume is made where its source is, and the scheduler follows it.
      storageClass('copy', { pool: 'fast', type: 'thin' }, { volumeBindingMode: 'Immediate' }),
    );
  }, 300_000);

  /** A claim that begins with the content of a snapshot or of another claim. */
  const copyOf = (source: { kind: string; name: string; apiGroup?: string }, name: string): KubernetesObject => {
    const empty = claim(name, { className: 'copy', size });
    return { ...empty, spec: { ...(empty['spec'] as object), dataSource: source } };
  };
  const fromSnapshot = (name: string, claimName: string): KubernetesObject =>
    copyOf({ apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name }, claimName);

  test('a snapshot of a PostgreSQL under load has each transaction that was acknowledged before; so has a clone', async () => {
    const { kubectl, ready } = site();
    await kubectl.apply(...postgres('pg', { className: 'source', size }));
    await ready('pg-0');
    await sql(site(), 'pg', 'CREATE TABLE ledger (n bigint PRIMARY KEY)');
    const psql = 'psql -qtA --host=/tmp --username=postgres';
    const insert = `seq 1 1000000 | sed 's/.*/INSERT INTO ledger VALUES (&) RETURNING n;/' | ${psql}`;
    const ledger = await kubectl.start(['exec', 'pg-0', '--', 'sh', '-c', insert]);
    await ledger.stdout.waitFor(/^200$/, 60_000);
    const acknowledged = ledger.stdout.text.split('\n').filter(Boolean).map(Number);
    await kubectl.apply({
      apiVersion: 'snapshot.storage.k8s.io/v1',
      kind: 'VolumeSnapshot',
      metadata: { name: 'pg' },
      spec: { volumeSnapshotClassName: 'quarry', source: { persistentVolumeClaimName: 'volume-0-pg-0' } },
    });
    await kubectl.wait('jsonpath={.status.readyToUse}=true', ['volumesnapshot/pg']);
    await kubectl.apply(copyOf({ kind: 'PersistentVolumeClaim', name: 'volume-0-pg-0' }, 'volume-0-cloned-0'));
    await kubectl.wait('jsonpath={.status.phase}=Bound', ['pvc/volume-0-cloned-0']);
    ledger.kill('SIGKILL');
    await kubectl.apply(fromSnapshot('pg', 'volume-0-restored-0'));
    for (const name of ['restored', 'cloned']) {
      await kubectl.apply(...postgres(name, { className: 'copy', size }));
      await ready(`${name}-0`);
      const rows = new Set((await sql(site(), name, 'SELECT n FROM ledger')).split('\n').map(Number));
      expect(acknowledged.filter((n) => !rows.has(n))).toEqual([]);
    }
    await kubectl.run(['delete', 'volumesnapshot', 'pg']);
    const orphans = ['exec', 'deploy/quarry-controller', '-c', 'quarry', '--', 'quarry', 'orphans'];
    const controllers = site().cluster.kubectl.within(NAMESPACE);
    // Its watch of the VolumeSnapshotContents has begun.
    expect(await controllers.run(orphans)).not.toContain('No snapshots');
  });

  test('a snapshot of a group holds two volumes at one moment', async () => {
    const { kubectl, inPod, ready } = site();
    const labelled = (name: string): KubernetesObject => {
      const plain = claim(name, { className: 'source', size: '64Mi' });
      return { ...plain, metadata: { name, labels: { group: 'pair' } } };
    };
    await kubectl.apply(labelled('first'), labelled('second'));
    await kubectl.apply(pod('writer', { volumes: { '/first': { claim: 'first' }, '/second': { claim: 'second' } } }));
    await ready('writer');
    const write =
      'for n in $(seq 1 100000); do for d in first second; do echo $n >/$d/n; sync /$d/n; done; echo $n; done';
    const writing = await kubectl.start(['exec', 'writer', '--', 'sh', '-c', write]);
    await writing.stdout.waitFor(/^20$/m, 60_000);
    await kubectl.apply({
      apiVersion: 'groupsnapshot.storage.k8s.io/v1',
      kind: 'VolumeGroupSnapshot',
      metadata: { name: 'pair' },
      spec: { volumeGroupSnapshotClassName: 'quarry', source: { selector: { matchLabels: { group: 'pair' } } } },
    });
    await kubectl.wait('jsonpath={.status.readyToUse}=true', ['volumegroupsnapshot/pair']);
    writing.kill('SIGKILL');
    const { items } = await kubectl.get<{
      items: { metadata: { name: string }; spec: { source: { persistentVolumeClaimName?: string } } }[];
    }>('volumesnapshots');
    const members = items.map(({ metadata, spec }) => [metadata.name, spec.source.persistentVolumeClaimName] as const);
    expect(new Set(members.map(([, source]) => source))).toEqual(new Set(['first', 'second']));
    for (const [name, source] of members) {
      const empty = fromSnapshot(name, `copy-${source}`);
      const resources = { requests: { storage: '64Mi' } };
      await kubectl.apply({ ...empty, spec: { ...(empty['spec'] as object), resources } });
    }
    const volumes = { '/first': { claim: 'copy-first' }, '/second': { claim: 'copy-second' } };
    await kubectl.apply(pod('reader', { volumes }));
    await ready('reader');
    const [first = 0, second = 0] = (await inPod('reader', 'cat /first/n /second/n')).split('\n').map(Number);
    expect(first).toBeGreaterThanOrEqual(20);
    expect([0, 1]).toContain(first - second);
    await kubectl.run(['delete', 'volumegroupsnapshot', 'pair']);
  });
});
