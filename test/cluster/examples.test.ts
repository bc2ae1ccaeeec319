import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { cgroupOf, useCluster } from '../support/cluster.ts';
import { example, replaceOnce, withImage, withProgram } from '../support/examples.ts';
import { type ClaimOptions, claim, pod } from '../support/manifests.ts';

const POSTGRESQL = `
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
if [ ! -e $PGDATA/PG_VERSION ]; then
  initdb --username=postgres --pwfile=<(echo "$POSTGRES_PASSWORD") --auth=scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >>$PGDATA/pg_hba.conf
fi
exec postgres -c listen_addresses='*'`;

const MARIADB = `
[ -e /var/lib/mysql/mysql ] || mariadb-install-db --auth-root-authentication-method=normal --skip-test-db
echo "ALTER USER root@localhost IDENTIFIED BY '$MARIADB_ROOT_PASSWORD';" >/tmp/init.sql
exec mariadbd --bind-address=0.0.0.0 --init-file=/tmp/init.sql`;

interface StatefulSet extends KubernetesObject {
  readonly spec: { readonly volumeClaimTemplates: readonly { readonly spec: Record<string, unknown> }[] };
}

describe('the examples', () => {
  const site = useCluster('examples');
  const databases = ['cassandra', 'kafka', 'mariadb', 'mongodb', 'postgresql', 'zookeeper'];

  test('have classes whose volumes have the properties that each class names', async () => {
    const { kubectl, ready, inPod, nodeOf, volumeOf } = site();
    await kubectl.applyText(example('storage-classes'));
    await kubectl.applyText(example('volume-attributes-classes'));
    const claims: Readonly<Record<string, ClaimOptions>> = {
      thin: { className: 'quarry-thin', size: '64Mi', attributes: 'gold' },
      thick: { className: 'quarry-thick', size: '512Mi', attributes: 'silver' },
      mirrored: { className: 'quarry-mirrored', size: '64Mi', attributes: 'bronze' },
      reserved: { className: 'quarry-reserved', size: '64Mi' },
    };
    await kubectl.apply(...Object.entries(claims).map(([name, options]) => claim(name, options)));
    const volumes = Object.fromEntries(Object.keys(claims).map((name) => [`/${name}`, { claim: name }]));
    await kubectl.apply(pod('all', { volumes }));
    await ready('all');
    expect(await inPod('all', 'findmnt -no FSTYPE /thin; findmnt -no FSTYPE /thick')).toBe('ext4\nxfs\n');
    const { guest } = await nodeOf('all');
    const of = (column: string, volume: string): Promise<string> =>
      guest.shell(`lvs --noheadings -o ${column} --select lv_name=${volume}`);
    expect((await of('lv_layout', await volumeOf('mirrored'))).trim()).toBe('raid,raid1');
    expect(await of('lv_tags', await volumeOf('reserved'))).toContain('ri=1000');
    await kubectl.run(['delete', 'pod/all', ...Object.keys(claims).map((name) => `pvc/${name}`)]);
  });

  test('have an ephemeral volume, which a pod can use', async () => {
    const { kubectl, ready, inPod } = site();
    await kubectl.applyText(withImage(example('ephemeral-volume'), 'debian:trixie-slim'));
    await ready('scratch');
    expect(await inPod('scratch', 'findmnt -no FSTYPE /scratch')).toBe('ext4\n');
    // Its program ignores SIGTERM.
    await kubectl.run(['delete', 'pod/scratch', '--grace-period=1']);
  });

  test('restore a volume whose PersistentVolume is lost', async () => {
    const { kubectl, ready, inPod, nodeOf, volumeOf } = site();
    const data = '/data';
    await kubectl.apply(claim('lost', { className: 'quarry-thin', size: '10Gi' }));
    await kubectl.apply(pod('before', { volumes: { [data]: { claim: 'lost' } } }));
    await ready('before');
    await inPod('before', 'echo kept >/data/file; sync');
    const { name } = await nodeOf('before');
    const volume = await volumeOf('lost');
    const keep = { spec: { persistentVolumeReclaimPolicy: 'Retain' } };
    await kubectl.run(['patch', 'pv', volume, `--patch=${JSON.stringify(keep)}`]);
    await kubectl.run(['delete', 'pod/before', 'pvc/lost', `pv/${volume}`]);
    const text = replaceOnce(
      example('static-volume'),
      'node-1:pvc-2f0c1a44-5f0e-4f43-9d3f-0a9a1f1f6f10',
      `${name}:${volume}`,
    );
    await kubectl.applyText(replaceOnce(text, 'values: [node-1]', `values: [${name}]`));
    await kubectl.apply(pod('after', { volumes: { [data]: { claim: 'found-again' } } }));
    await ready('after');
    expect(await inPod('after', 'cat /data/file')).toBe('kept\n');
    // As for a volume that the provisioner made, so that nothing is left.
    const release = {
      metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'lvm.quarry.csi' } },
      spec: { persistentVolumeReclaimPolicy: 'Delete' },
    };
    await kubectl.run(['patch', 'pv', 'found-again', `--patch=${JSON.stringify(release)}`]);
    await kubectl.run(['delete', 'pod/after', 'pvc/found-again']);
  });

  test('have StatefulSets that Kubernetes accepts, and whose claims get volumes', async () => {
    const { kubectl, ready, nodeOf } = site();
    const claims: KubernetesObject[] = [];
    for (const name of databases) {
      const objects = parseAllDocuments(example(name)).map((document) => document.toJS() as KubernetesObject);
      await kubectl.run(['apply', '--server-side', '--dry-run=server', '-f', '-'], { input: example(name) });
      await kubectl.apply(...objects.filter(({ kind }) => kind === 'VolumeAttributesClass'));
      const [template] = (objects.find(({ kind }) => kind === 'StatefulSet') as StatefulSet).spec.volumeClaimTemplates;
      // Smaller, so that all of them fit.
      const spec = { ...template?.spec, resources: { requests: { storage: '64Mi' } } };
      claims.push({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name }, spec });
    }
    await kubectl.apply(...claims);
    await kubectl.apply(
      pod('six', { volumes: Object.fromEntries(databases.map((name) => [`/${name}`, { claim: name }])) }),
    );
    await ready('six');
    const { guest } = await nodeOf('six');
    const { metadata } = await kubectl.get<KubernetesObject>('pod', 'six');
    const limits = await guest.shell(`cat ${cgroupOf(String(metadata['uid']))}/io.max`);
    expect(limits.match(/wbps=\d+/g)).toHaveLength(6);
    await kubectl.run(['delete', 'pod/six', ...databases.map((name) => `pvc/${name}`)]);
  });

  test('run PostgreSQL and MariaDB, which find their data after a restart', async () => {
    const { kubectl, ready, inPod } = site();
    await kubectl.applyText(withProgram(example('postgresql'), 'postgres:18', POSTGRESQL));
    await kubectl.applyText(withProgram(example('mariadb'), 'mariadb:11.8', MARIADB));
    const pods = ['postgresql-0', 'mariadb-0'];
    const ask = {
      postgresql: (sql: string): Promise<string> =>
        inPod(
          'postgresql-0',
          `PGPASSWORD=$POSTGRES_PASSWORD psql -qtA -h postgresql-0.postgresql -U postgres -c '${sql}'`,
        ),
      mariadb: (sql: string): Promise<string> =>
        inPod('mariadb-0', `mariadb --user=root --password=$MARIADB_ROOT_PASSWORD --batch -N mysql -e '${sql}'`),
    };
    await ready(...pods);
    for (const database of Object.values(ask))
      await database('CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)');
    await kubectl.run(['delete', 'pod', ...pods]);
    await ready(...pods);
    for (const database of Object.values(ask)) expect(await database('SELECT n FROM kept')).toBe('42\n');
  });
});
