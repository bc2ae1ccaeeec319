import { expect, test } from 'vitest';
import { encryptionFrom } from '../../../../src/domain/encryption.ts';
import { noNews } from '../../../../src/domain/news.ts';
import { MiB } from '../../../../src/domain/bytes.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { begin, fast, never, withVolume } from './harness.ts';

const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/\s{2,}/));

test('nodes are listed in the order of their names, with the room of their pools', async () => {
  const { run, away } = await withVolume();
  away.add('b');
  expect(rowsOf((await run('nodes')).stdout)).toEqual([
    ['NODE', 'CONNECTED', 'POOLS', 'VOLUMES', 'SNAPSHOTS', 'SIZE', 'FREE'],
    ['a', 'yes', 'fast,lean', '1', '0', '40 GiB', '39.9 GiB'],
    ['b', 'no', 'fast,lean', '0', '0', '40 GiB', '40 GiB'],
  ]);
});

test('a node that has never reported is listed with the reason', async () => {
  const { run, members, storages } = await begin();
  storages.a.inventory = () => {
    throw new Failure('unavailable', 'LVM has not answered yet');
  };
  expect((await run('nodes')).stdout).toMatch(/^a +yes .*LVM has not answered yet$/m);
  members[0] = { ...members[0]!, connected: true, apart: 'its report cannot be decoded' };
  expect((await run('nodes')).stdout).toMatch(/^b +yes .*its report cannot be decoded$/m);
});

test('pools show what is used, and what is wrong with them', async () => {
  const { run, json, storages } = await withVolume();
  storages.a.health.set(fast, [{ reason: 'VolumeGroupPartial', message: 'a disk is missing' }]);
  expect(rowsOf((await run('pools', '--node', 'a')).stdout)).toEqual([
    ['NODE', 'POOL', 'TYPE', 'VOLUMES', 'SIZE', 'FREE', 'DATA', 'METADATA', 'ATTENTION'],
    ['a', 'fast', 'thick', '1', '32 GiB', '31.9 GiB', 'VolumeGroupPartial'],
    ['a', 'lean', 'thin', '0', '8 GiB', '8 GiB', '71 %', '3 %'],
  ]);
  const { items } = await json('pools', '--pool', 'lean', '--node', 'b');
  expect(items).toEqual([
    expect.objectContaining({
      node: 'b',
      pool: 'lean',
      thin: { size: 8 * 2 ** 30, promised: 12 * 2 ** 30, dataPercent: 71.4, metadataPercent: 2.5 },
    }),
  ]);
});

test('a pool that is not ready has its reason, and no sizes', async () => {
  const { json, run, storages } = await begin();
  storages.a.loseReadiness(fast, 'its volume group is missing');
  expect((await run('pools', '--node', 'a', '--pool', 'fast')).stdout).toContain('its volume group is missing');
  const { items } = await json('pools', '--node', 'a', '--pool', 'fast');
  expect(items).toEqual([
    { node: 'a', connected: true, pool: 'fast', unready: 'its volume group is missing', volumes: 0, conditions: [] },
  ]);
});

test('volumes have the claims that they are bound to, from all pages', async () => {
  const pages = {
    first: { claims: [{ volume: 'a:other', namespace: 'db', name: 'other' }], next: 'second' },
    second: { claims: [{ volume: '', namespace: 'db', name: 'data-0' }] },
  };
  const { run, json, volume, storages } = await withVolume({
    claims: async (token) =>
      token === undefined ? pages.first : { claims: [{ ...pages.second.claims[0]!, volume: volume.id }] },
  });
  await storages.b.create(
    { ...specOf('pvc-2'), qos: { limits: { readIops: { fixed: 500n } }, reservations: {}, enforcement: 'report' } },
    never,
  );
  const [heading, first, second] = rowsOf((await run('volumes')).stdout);
  expect(heading).toEqual(['NAMESPACE', 'CLAIM', 'NODE', 'POOL', 'TYPE', 'SIZE', 'LIMITS', 'ID']);
  expect(first).toEqual(['db', 'data-0', 'a', 'fast', 'thick', '8 MiB', volume.id]);
  expect(second?.slice(-6)).toEqual(['b', 'fast', 'thick', '8 MiB', 'readIops=500', expect.stringMatching(/^b:/)]);
  expect((await json('volumes', '--namespace', 'db')).items).toEqual([
    expect.objectContaining({ id: volume.id, namespace: 'db', claim: 'data-0', size: Number(8n * MiB), limits: {} }),
  ]);
});

test('encrypted volumes and their snapshots are shown as such, with the size that the user gets and the last exchange', async () => {
  const { run, json, storages, volume } = await withVolume();
  const encryption = encryptionFrom({ encryption: 'luks2' });
  const rotated = Date.parse('2026-11-21T12:00:00Z');
  const secret = await storages.a.create({ ...specOf('pvc-2'), encryption }, never);
  storages.a.volumes.set(secret.id, { ...secret, rotated });
  const [heading, first, second] = rowsOf((await run('volumes')).stdout);
  expect(heading).toEqual(['NODE', 'POOL', 'TYPE', 'SIZE', 'ENCRYPTION', 'ID']);
  expect([first, second]).toEqual([
    ['a', 'fast', 'thick', '8 MiB', volume.id],
    ['a', 'fast', 'thick', '24 MiB', 'luks2', secret.id],
  ]);
  expect((await run('volumes', '-o', 'wide')).stdout).toMatch(/24 MiB.* 8 MiB +2026-11-21T12:00:00\.000Z/);
  const { items } = await json('volumes');
  const shown = { encryption: 'luks2/aes-xts-plain64/512/67108864/', usable: Number(8n * MiB) };
  expect(items[0]).not.toHaveProperty('encryption');
  expect(items[1]).toMatchObject({ ...shown, size: Number(24n * MiB), rotated: '2026-11-21T12:00:00.000Z' });
  await storages.a.snapshots.take({ name: 'before', source: secret.id });
  expect((await json('snapshots')).items).toEqual([expect.objectContaining(shown)]);
});

test('a volume in use is shown with what its pods read and write, and an idle one without', async () => {
  const { run, json, storages, volume } = await withVolume();
  expect((await json('volumes')).items[0]).not.toHaveProperty('used');
  storages.a.news = { ...noNews, uses: new Map([[volume.id, { readIops: 120n, writeBandwidth: 12n * MiB }]]) };
  expect((await json('volumes')).items).toMatchObject([{ used: { readIops: 120, writeBandwidth: Number(12n * MiB) } }]);
  expect((await run('volumes', '-o', 'wide')).stdout).toMatch(/USED.*\n.*readIops=120 writeBandwidth=/);
});

test('the user is told when the claims cannot be read', async () => {
  const { run } = await withVolume({
    claims: async () => {
      throw new Failure('unavailable', 'the API server is gone');
    },
  });
  const { stdout, said } = await run('volumes');
  expect(stdout).toContain('a');
  expect(said).toEqual(['The claims of the volumes are not known: the API server is gone']);
});

test('without Kubernetes, volumes have no claims, and nothing is said about them', async () => {
  const { run, volume } = await withVolume();
  const { stdout, said } = await run('volumes', '-o', 'wide');
  expect(stdout).toContain(volume.id);
  expect(said).toEqual([]);
});

test('snapshots have the claim of their volume', async () => {
  const { json, volume, storages } = await withVolume({
    claims: async () => ({ claims: [{ volume: volume.id, namespace: 'db', name: 'data-0' }] }),
  });
  const taken = await storages.a.snapshots.take({ name: 'before', source: volume.id });
  expect((await json('snapshots')).items).toEqual([
    {
      id: taken.id,
      name: 'before',
      node: 'a',
      pool: 'fast',
      source: volume.id,
      namespace: 'db',
      claim: 'data-0',
      size: Number(8n * MiB),
      usable: Number(8n * MiB),
      taken: new Date(taken.taken).toISOString(),
      state: 'ready',
      room: Number(taken.room),
    },
  ]);
});

test('a list is complete however many pages it has', async () => {
  const { json, volume, storages } = await withVolume();
  for (let n = 0; n < 2500; n++) {
    const id = `a:more-${n}` as typeof volume.id;
    storages.a.volumes.set(id, { ...volume, id });
  }
  const ids = (await json('volumes')).items.map((item) => (item as { id: string }).id);
  expect(ids.length).toBe(2501);
  expect(new Set(ids).size).toBe(2501);
});

test('a page that begins within one node goes on with the next', async () => {
  const { json, volume, storages } = await withVolume();
  for (const [node, storage] of Object.entries(storages)) {
    for (let n = 0; n < 700; n++) {
      const id = `${node}:more-${n}` as typeof volume.id;
      storage.volumes.set(id, { ...volume, id, node: storage.node });
    }
  }
  const ids = (await json('volumes')).items.map((item) => (item as { id: string }).id);
  expect(ids.length).toBe(1401);
  expect(ids).toEqual(ids.toSorted());
});

test('an inline volume is shown with its pod, also by its namespace, and needs no attention', async () => {
  const { run, json, storages, volume } = await withVolume();
  const pod = { uid: 'u-1', namespace: 'jobs', name: 'worker' };
  storages.a.volumes.set(volume.id, { ...volume, role: 'inline', inline: { pod } });
  expect(rowsOf((await run('volumes', '--namespace', 'jobs')).stdout)[1]?.slice(0, 3)).toEqual([
    'jobs',
    'pod/worker',
    'a',
  ]);
  expect((await run('volumes')).stdout).not.toMatch(/inline/);
  const { items } = await json('volumes');
  expect(items).toMatchObject([{ namespace: 'jobs', pod: 'worker', role: 'inline' }]);
});
