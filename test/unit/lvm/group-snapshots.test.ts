import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { Copy, CopiesTogether } from '../../../src/lvm/snapshots/copies-together.ts';
import { type FakeLvm, spec as poolSpec } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const sources = ['one', 'two'].map(idOf);
const spec = { name: 'group', sources };

let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
let taken: (readonly Copy[])[];
let abandoned: Set<string>;
let problem: Error | undefined;

const copies: CopiesTogether = {
  take: async (all) => {
    if (problem) throw problem;
    taken.push(all);
    return 0;
  },
  resume: async () => [],
  abandon: async (group, lv) => void abandoned.add(`${group}/${lv}`),
};
beforeEach(async () => {
  [taken, abandoned, problem] = [[], new Set(), undefined];
  ({ lvm, cache, storage } = fakeStorage({ copies }));
  await cache.refresh();
  for (const name of ['one', 'two']) await storage.create(volume(name, 64n * MiB), signal);
});

const snapshotsIn = () => [...lvm.volumes.keys()].filter((lv) => !['one', 'two'].includes(lv));

describe('a group snapshot of thick volumes', () => {
  test('has a member of each volume, whose copies begin together, and is found and taken once', async () => {
    const group = await storage.groupSnapshots.take(spec, signal);
    expect(group.members.map(({ source }) => source).toSorted()).toEqual(sources);
    expect(group.members.every(({ state }) => state === 'ready')).toBe(true);
    expect(taken.map((all) => all.map(({ type }) => type))).toEqual([['thick', 'thick']]);
    expect(await storage.groupSnapshots.take(spec, signal)).toEqual(group);
    await cache.refresh();
    expect(await storage.groupSnapshots.find(group.id, signal)).toMatchObject({ id: group.id, members: [{}, {}] });
    expect(taken).toHaveLength(1);
    for (const lv of snapshotsIn()) expect(lvm.volumes.get(lv)?.tags).not.toContain('quarry.state=creating');
  });

  test('is refused while another call takes it, which is named', async () => {
    const first = storage.groupSnapshots.take(spec, signal);
    const busy = { kind: 'busy', message: expect.stringMatching(/^CreateVolumeGroupSnapshot is in progress for /) };
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toMatchObject(busy);
    expect((await first).members).toHaveLength(2);
  });

  test('that was cut off is removed, although LVM removes no snapshot whose copy was not abandoned', async () => {
    const { id, members } = await storage.groupSnapshots.take(spec, signal);
    for (const { lv } of members) lvm.volumes.get(lv)?.tags.add('quarry.state=creating');
    await cache.refresh();
    lvm.beforeAnswer = async (argv) => {
      if (argv[0] !== 'lvremove' || abandoned.has(argv.at(-1) ?? '')) return;
      throw new Failure('unavailable', 'the kernel has a table that is not in use');
    };
    await storage.groupSnapshots.undo(id, signal);
    expect(snapshotsIn()).toEqual([]);
  });

  test('leaves nothing if its copies cannot begin, and says why', async () => {
    problem = new Failure('busy', 'a device is suspended');
    const refused = { kind: 'busy', message: 'group snapshot "group" could not be taken: a device is suspended' };
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toMatchObject(refused);
    expect(snapshotsIn()).toEqual([]);
  });

  test('a defect is not taken for a refusal', async () => {
    problem = new TypeError('a is not a function');
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toBe(problem);
    expect(snapshotsIn()).toEqual([]);
  });

  test('is removed with all its members', async () => {
    const { id, members } = await storage.groupSnapshots.take(spec, signal);
    const listed = members.map((member) => member.id);
    for (const _ of ['first', 'again']) await storage.groupSnapshots.remove(id, listed, signal);
    expect(snapshotsIn()).toEqual([]);
    expect(await storage.groupSnapshots.find(id, signal)).toBeUndefined();
  });
});

describe('a group snapshot of thin volumes', () => {
  beforeEach(async () => {
    const thin = { share: 50, overprovision: 10, refuseAt: 95 };
    ({ lvm, cache, storage } = fakeStorage({ copies, pool: { ...poolSpec, type: 'thin', thin } }));
    lvm.volumes.set('thinpool', { size: 512n * MiB, tags: new Set(), row: { lv_attr: 'twi-aotz--' } });
    for (const [index, name] of ['one', 'two'].entries()) {
      const tags = ['v=1', 'role=volume', `id=${idOf(name)}`, `name=${name}`, 'layout=thin', 'fs=none'];
      const row = { lv_attr: 'Vwi-a-tz--', pool_lv: 'thinpool', thin_id: String(index + 1) };
      lvm.volumes.set(name, { size: 64n * MiB, tags: new Set(tags.map((tag) => `quarry.${tag}`)), row });
    }
    await cache.refresh();
  });

  const promised = () => [...cache.current().pools.values()][0]?.thin?.promised;

  test('copies each by the numbers of both in the pool, which has promised their size at once', async () => {
    const before = promised() ?? 0n;
    const shown: number[] = [];
    lvm.beforeAnswer = async ([command]) => {
      if (command === 'lvcreate') shown.push(cache.current().snapshots.size);
    };
    const group = await storage.groupSnapshots.take(spec, signal);
    const pair = (origin: string, copy: string) => expect.objectContaining({ type: 'thin', origin, copy });
    expect(taken).toEqual([[pair('1', '3'), pair('2', '4')]]);
    expect(shown).toEqual([0, 1]);
    expect(promised()).toBe(before + 128n * MiB);
    expect(group.members).toHaveLength(2);
  });

  test('is refused, and leaves nothing, if LVM does not show a number', async () => {
    delete lvm.volumes.get('two')?.row?.['thin_id'];
    const refused = { kind: 'unavailable', message: expect.stringContaining('does not show volume node-1:two') };
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toMatchObject(refused);
    expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'one', 'two']);
  });

  test('is refused, and leaves nothing, if LVM does not show a snapshot', async () => {
    lvm.reportForChange = async (argv) => {
      const answer = await lvm.report(argv);
      return answer.ok && argv[2] === 'lv_name,pool_lv,thin_id' ? { ok: true, rows: answer.rows.slice(0, 1) } : answer;
    };
    const refused = { kind: 'unavailable', message: expect.stringContaining('does not show volume node-1:one') };
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toMatchObject(refused);
    expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'one', 'two']);
  });
});
