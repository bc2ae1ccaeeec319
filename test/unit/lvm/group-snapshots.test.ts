import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import type { Copy, CopiesTogether } from '../../../src/lvm/snapshots/copies-together.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const sources = ['one', 'two'].map(idOf);
const spec = { name: 'group', sources };

let lvm: FakeLvm;
let cache: InventoryCache;
let storage: LocalStorage;
let taken: (readonly Copy[])[];
let problem: Failure | undefined;

beforeEach(async () => {
  [taken, problem] = [[], undefined];
  const copies: CopiesTogether = {
    take: async (all) => {
      if (problem) throw problem;
      taken.push(all);
      return 0;
    },
    resume: async () => [],
    abandon: async () => undefined,
  };
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
    expect(taken.map((copies) => copies.map(({ type }) => type))).toEqual([['thick', 'thick']]);
    expect(await storage.groupSnapshots.take(spec, signal)).toEqual(group);
    await cache.refresh();
    expect(await storage.groupSnapshots.find(group.id, signal)).toMatchObject({ id: group.id, members: [{}, {}] });
    expect(taken).toHaveLength(1);
    for (const lv of snapshotsIn()) expect(lvm.volumes.get(lv)?.tags).not.toContain('quarry.state=creating');
  });

  test('leaves nothing if its copies cannot begin, and says why', async () => {
    problem = new Failure('busy', 'a device is suspended');
    const refused = { kind: 'busy', message: 'group snapshot "group" could not be taken: a device is suspended' };
    await expect(storage.groupSnapshots.take(spec, signal)).rejects.toMatchObject(refused);
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
