import { expect, test } from 'vitest';
import type { NodeName, VgName, VolumeId } from '../../../../src/domain/ids.ts';
import { parseRecord } from '../../../../src/domain/persistent-volume.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import { type Candidate, type Former, planAdoption } from '../../../../src/features/recovery/adoption.ts';
import { adoptVolume, layoutOf } from '../../../../src/lvm/adoption.ts';
import { decodeLv, type LvRecord } from '../../../../src/lvm/records.ts';
import { toVolume } from '../../../../src/lvm/volume-records.ts';
import { FakeLvm, spec } from '../../lvm/fake-lvm.ts';

const node = 'a' as NodeName;
const inventory: Candidate['inventory'] = { volumes: new Map(), given: new Map(), unready: new Map() };
const found = { holds: 'filesystem', type: 'ext4', size: 2n ** 20n, unfinished: false } as const;

async function foreign(row: Record<string, string> = {}): Promise<{ lvm: FakeLvm; record: LvRecord }> {
  const lvm = new FakeLvm();
  lvm.volumes.set('data', { size: 2n ** 20n, tags: new Set(['backup']), row: { lv_attr: '-wi-a-----', ...row } });
  const answer = await lvm.report(['lvs', 'vg/data']);
  return { lvm, record: decodeLv(answer.ok ? (answer.rows[0] ?? {}) : {}) };
}

async function candidate(change: Partial<Candidate> = {}, row?: Record<string, string>): Promise<Candidate> {
  const { record } = await foreign(row);
  const layout = layoutOf([{ segtype: 'linear' }]);
  return {
    record,
    spec,
    inventory,
    thinPool: 'pool',
    layout,
    skipsActivation: false,
    content: found,
    ...change,
  };
}

const former: Former = {
  of: 'data',
  record: {
    name: 'pvc-1',
    claim: { namespace: 'db', name: 'data-0' },
    storageClass: 'old',
    reclaimPolicy: 'Retain',
    accessModes: ['ReadWriteOncePod'],
    volumeMode: 'Filesystem',
    fsType: 'ext4',
    mountOptions: ['noatime'],
  },
};

test('an adopted volume has the claim, class and modes of its old PersistentVolume, and a name of its own', async () => {
  const plan = planAdoption(await candidate(), former, { node, name: undefined });
  expect(plan).toMatchObject({ done: false, volume: { id: 'a:data', name: 'pvc-1-quarry', filesystem: 'ext4' } });
  const { persistentVolume = '' } = (plan as { volume: Volume }).volume;
  expect(parseRecord(persistentVolume)).toMatchObject({ ...former.record, name: 'pvc-1-quarry' });
});

test('a logical volume without PersistentVolume is adopted by what it holds', async () => {
  const options = { node, name: undefined };
  const none = await candidate({ content: { holds: 'nothing' } });
  expect(planAdoption(await candidate(), undefined, options)).toMatchObject({ volume: { filesystem: 'ext4' } });
  expect(planAdoption(none, undefined, options)).toMatchObject({ volume: { filesystem: 'block' } });
});

const other = { id: 'a:data', name: 'data', group: 'vg2', lv: 'data' } as Volume;

test.each<[string, Partial<Candidate>, Record<string, string>]>([
  ['it is in use', {}, { lv_attr: '-wi-ao----' }],
  ['it is a thin pool', {}, { lv_attr: 'twi-a-tz--' }],
  ['it is a snapshot', {}, { lv_attr: 'swi-a-s---', origin: 'data-0', origin_size: '1048576' }],
  ['it is not active', { content: undefined }, { lv_attr: '-wi-------' }],
  ['it is read-only: lvchange -p rw vg/data', {}, { lv_attr: '-ri-a-----' }],
  ['a disk of it is missing', {}, { lv_health_status: 'partial' }],
  ['it is of Quarry already', {}, { lv_tags: 'quarry.role=replica' }],
  ['lvchange -k n vg/data', { skipsActivation: true }, {}],
  [
    'its thin pool foreign is not that of pool fast, whose type is thick',
    { layout: { type: 'thin' } },
    { pool_lv: 'foreign' },
  ],
  ['LVM has it as cache', { layout: layoutOf([{ segtype: 'cache' }]) }, {}],
  ['vg2/data is the volume a:data', { inventory: { ...inventory, volumes: new Map([[other.id, other]]) } }, {}],
  [
    'was given to another node',
    { inventory: { ...inventory, given: new Map([['a:data' as VolumeId, 'b' as NodeName]]) } },
    {},
  ],
  [
    'pool fast cannot serve: LVM hangs',
    { inventory: { ...inventory, unready: new Map([[spec.name, 'LVM hangs']]) } },
    {},
  ],
  ['its ext4 has 2097152 bytes, more than its 1048576', { content: { ...found, size: 2n ** 21n } }, {}],
  ['it has no ext4, xfs or btrfs, but swap', { content: { holds: 'something', name: 'swap' } }, {}],
  ['it has xfs, and its PersistentVolume says ext4', { content: { ...found, type: 'xfs' } }, {}],
])('adopt refuses with "%s"', async (reason, change, row) => {
  const plan = planAdoption(await candidate(change, row), former, { node, name: undefined });
  expect(plan).toContainEqual(expect.stringContaining(reason));
});

test('adopt names all reasons at once', async () => {
  const wrong = { of: 'another', record: { ...former.record, reclaimPolicy: 'Delete' } };
  const plan = planAdoption(await candidate({}, { lv_attr: '-wi-ao----' }), wrong, { node, name: 'No Name' });
  expect(plan).toEqual([
    expect.stringContaining('no name of a PersistentVolume'),
    expect.stringContaining('it is in use'),
    expect.stringContaining('is of another'),
    expect.stringContaining('has the policy Delete: kubectl patch pv pvc-1'),
  ]);
});

test.each([
  [[{ segtype: 'linear' }, { segtype: 'linear' }], { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 }],
  [
    [{ segtype: 'striped', stripes: '2', stripe_size: '131072' }],
    { type: 'thick', stripes: 2, stripeSize: 131_072n, mirrors: 0 },
  ],
  [
    [{ segtype: 'raid1', stripes: '2', data_copies: '2' }],
    { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 1 },
  ],
  [
    [{ segtype: 'linear' }, { segtype: 'striped', stripes: '2', stripe_size: '65536' }],
    expect.stringContaining('differ'),
  ],
])('segments %j have the layout of a volume', (rows, layout) => {
  expect(layoutOf(rows)).toEqual(layout);
});

test('adoption is one change of LVM, keeps foreign tags, and is refused for another volume of that name', async () => {
  const { lvm, record } = await foreign();
  const plan = planAdoption(await candidate(), former, { node, name: undefined }) as { volume: Volume };
  const ports = {
    lvm,
    cache: { refresh: async () => ({}) as never },
    writer: {
      exclusive: <T>(_group: VgName, _signal: unknown, task: () => Promise<T>) => task(),
      change: async (_what: string, argv: readonly string[]) => void (await lvm.change(argv as never)),
    },
  };
  await expect(adoptVolume(ports, plan.volume, 'another')).rejects.toMatchObject({ kind: 'precondition' });
  expect(lvm.commands).toEqual([]);
  await adoptVolume(ports, plan.volume, record.uuid);
  expect(lvm.commands).toHaveLength(1);
  const tags = lvm.volumes.get('data')?.tags ?? new Set();
  expect([...tags]).toEqual(
    expect.arrayContaining(['backup', 'quarry.role=volume', 'quarry.id=a:data', 'quarry.fs=ext4']),
  );
  const answer = await lvm.report(['lvs', 'vg/data']);
  const after = decodeLv(answer.ok ? (answer.rows[0] ?? {}) : {});
  expect(toVolume(after, spec.name, node)).toMatchObject({
    id: 'a:data',
    filesystem: 'ext4',
    state: 'ready',
    layout: { type: 'thick' },
  });
  await expect(adoptVolume(ports, plan.volume, record.uuid)).rejects.toMatchObject({ kind: 'precondition' });
});
