import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';
import { NAMESPACE } from '../../lab/kubernetes/install.ts';
import type { KubernetesObject } from '../../lab/kubernetes/kubectl.ts';
import { useCluster } from '../support/cluster.ts';
import { claim, pod, storageClass } from '../support/manifests.ts';
import { type Blocks, createMetadataClient, type ListBlocks } from '../support/snapshot-metadata.ts';

const EXAMPLES = dirname(EXAMPLE_VALUES);
const SNAPSHOTS = 'snapshot.storage.k8s.io';
/** Copies extents, given as lines of offset and length, and keeps the offsets. */
const COPY =
  'copy() { while read -r at length; do dd if=$1 of=$2 bs=64K iflag=skip_bytes,count_bytes,fullblock oflag=seek_bytes conv=notrunc status=none skip=$at seek=$at count=$length; done; }';
/** Writes random bytes at an offset. */
const WRITE =
  'write() { head -c $2 /dev/urandom | dd of=/dev/source bs=64K oflag=seek_bytes,direct iflag=fullblock conv=notrunc status=none seek=$1; }';

describe('a backup program', () => {
  const site = useCluster('backup');
  const account = ['--as=system:serviceaccount:backup:backup-program'];
  const size = '64Mi';
  const raw = (name: string, className: string): KubernetesObject => claim(name, { className, size, mode: 'Block' });

  beforeAll(async () => {
    const { kubectl } = site();
    for (const file of ['volume-snapshot-classes.yaml', 'backup-program.yaml']) {
      await kubectl.applyText(readFileSync(join(EXAMPLES, file), 'utf8'));
    }
    const parameters = { pool: 'fast', type: 'thin' };
    await kubectl.apply(
      storageClass('backed-up', parameters),
      storageClass('backup-copy', parameters, { volumeBindingMode: 'Immediate' }),
    );
  });

  /** Takes a snapshot of the source, and makes a volume from it, as a program does that reads the blocks. */
  async function snapshot(name: string): Promise<void> {
    const { kubectl } = site();
    await kubectl.apply({
      apiVersion: `${SNAPSHOTS}/v1`,
      kind: 'VolumeSnapshot',
      metadata: { name },
      spec: { volumeSnapshotClassName: 'quarry', source: { persistentVolumeClaimName: 'source' } },
    });
    await kubectl.wait('jsonpath={.status.readyToUse}=true', [`volumesnapshot/${name}`]);
    const copy = raw(name, 'backup-copy');
    const dataSource = { apiGroup: SNAPSHOTS, kind: 'VolumeSnapshot', name };
    await kubectl.apply({ ...copy, spec: { ...(copy['spec'] as object), dataSource } });
  }

  /** The id by which CSI knows a snapshot. */
  async function handleOf(name: string): Promise<string> {
    const { kubectl } = site();
    const { status } = await kubectl.get<{ status: { boundVolumeSnapshotContentName: string } }>(
      'volumesnapshot',
      name,
      ...account,
    );
    const content = await kubectl.get<{ status: { snapshotHandle: string } }>(
      'volumesnapshotcontent',
      status.boundVolumeSnapshotContentName,
      ...account,
    );
    return content.status.snapshotHandle;
  }

  /** A client of the service that the driver's SnapshotMetadataService names, and a way to get tokens. */
  async function connect(): Promise<{
    list: ListBlocks;
    token: (account: string, audience?: string) => Promise<string>;
  }> {
    const { kubectl, cluster } = site();
    const { spec } = await kubectl.get<{ spec: { address: string; audience: string; caCert: string } }>(
      'snapshotmetadataservice',
      'lvm.quarry.csi',
      ...account,
    );
    const [name = '', port] = spec.address.split(':');
    const service = name.split('.')[0];
    const slices = await cluster.kubectl.within(NAMESPACE).get<{
      items: { endpoints: { addresses: string[]; conditions: { ready: boolean } }[] }[];
    }>('endpointslices', `--selector=kubernetes.io/service-name=${service}`);
    const endpoint = slices.items.flatMap(({ endpoints }) => endpoints).find(({ conditions }) => conditions.ready);
    const socket = join(cluster.folder, 'snapshot-metadata.sock');
    await cluster.lab.host.forward(`unix:${socket}`, `tcp:${endpoint?.addresses[0]}:${port}`);
    const authority = Buffer.from(spec.caCert, 'base64').toString();
    const client = createMetadataClient({ target: `unix:${socket}`, name, authority });
    onTestFinished(() => client.close());
    return {
      list: client.list,
      token: async (of, audience = spec.audience) =>
        (await kubectl.run(['create', 'token', of, `--audience=${audience}`])).trim(),
    };
  }

  test('copies the allocated blocks of a snapshot, then only what changed until the next, and restores the volume', async () => {
    const { kubectl, inPod, ready } = site();
    const sum = async (name: string, file: string): Promise<string> => (await inPod(name, `sha256sum <${file}`)).trim();
    await kubectl.apply(raw('source', 'backed-up'), pod('source', { volumes: { '/dev/source': { claim: 'source' } } }));
    await ready('source');
    await inPod('source', `${WRITE}; write 0 1M; write 20M 2M; write 50M 192K`);
    const first = await sum('source', '/dev/source');
    await snapshot('first');
    await inPod('source', `${WRITE}; write 21M 64K; write 40M 1M; blkdiscard --offset 0 --length 512K /dev/source`);
    const second = await sum('source', '/dev/source');
    await snapshot('second');
    await kubectl.apply(raw('restored', 'backed-up'));
    const volumes = Object.fromEntries(
      ['first', 'second', 'restored'].map((name) => [`/dev/${name}`, { claim: name }]),
    );
    await kubectl.apply(pod('program', { volumes }));

    const { list, token } = await connect();
    const call = { securityToken: await token('backup-program'), namespace: 'backup' };
    const all = await list('GetMetadataAllocated', { ...call, snapshotName: 'first' });
    const mebi = 2 ** 20;
    expect(all).toEqual({
      capacity: 64 * mebi,
      extents: [
        { start: 0, length: mebi },
        { start: 20 * mebi, length: 2 * mebi },
        { start: 50 * mebi, length: 192 * 1024 },
      ],
    });
    const delta = { ...call, baseSnapshotId: await handleOf('first'), targetSnapshotName: 'second' };
    const changes = await list('GetMetadataDelta', delta);
    expect(changes.extents).toEqual([
      { start: 0, length: mebi / 2 },
      { start: 21 * mebi, length: 64 * 1024 },
      { start: 40 * mebi, length: mebi },
    ]);
    const rest = await list('GetMetadataDelta', { ...delta, startingOffset: 21 * mebi, maxResults: 1 });
    expect(rest.extents).toEqual(changes.extents.slice(1));

    await ready('program');
    const copy = ({ extents }: Blocks, from: string): Promise<string> =>
      inPod(
        'program',
        `${COPY}; copy ${from} /backup <<'.'\n${extents.map(({ start, length }) => `${start} ${length}\n`).join('')}.\n`,
      );
    await inPod('program', `truncate --size=${all.capacity} /backup`);
    await copy(all, '/dev/first');
    expect(await sum('program', '/backup')).toBe(first);
    await copy(changes, '/dev/second');
    expect(await sum('program', '/backup')).toBe(second);
    await inPod('program', 'dd if=/backup of=/dev/restored bs=1M conv=sparse,fsync status=none');
    expect(await sum('program', '/dev/restored')).toBe(second);

    const refused = async (securityToken: string): Promise<unknown> =>
      list('GetMetadataAllocated', { ...call, securityToken, snapshotName: 'first' }).catch(
        ({ code }) => code as number,
      );
    expect(await refused(await token('backup-program', 'another'))).toBe(16);
    expect(await refused(await token('default'))).toBe(7);
    await kubectl.run(['delete', 'volumesnapshot', 'first', 'second']);
  });
});
