import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { LvName, NodeName } from '../../../src/domain/ids.ts';
import { activateVolume, lvchangeTags, removeVolume } from '../../../src/lvm/arguments.ts';
import { repairMirror } from '../../../src/lvm/mirrors/mirror-arguments.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { createReadLocations, unchanged } from '../../../src/lvm/metadata/locations.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';
import { folderOfTest } from '../../support/folder-of-test.ts';

const group = spec.group;
const lv = 'pvc-1' as LvName;
const retag = lvchangeTags(group, lv, { add: 'quarry.fs=ext4' });

describe('a change that LVM reports as done', () => {
  let lvm: FakeLvm;
  /** What the group's disks have; a commit counts it up unless the disk loses writes. */
  let committed: number;
  let loses: boolean;
  let asked: number;
  beforeEach(() => {
    lvm = new FakeLvm();
    lvm.volumes.set(lv, { size: 1n, tags: new Set() });
    [committed, loses, asked] = [1, false, 0];
  });
  async function writer() {
    const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
    await cache.refresh();
    lvm.beforeAnswer = async ([command]) => {
      if (command !== 'fullreport' && !loses) committed += 1;
    };
    return fakeWriter(lvm, cache, {
      readLocations: async (devices) => {
        asked += devices.length;
        return new Map(devices.map((device) => [device, `${committed}`]));
      },
    });
  }

  test('succeeds if the metadata on a disk has changed', async () => {
    await (await writer()).change('tags', retag);
    expect(asked).toBe(2);
  });

  test('fails as unavailable, and is read again, if no disk has it', async () => {
    loses = true;
    const error = (await writer()).change('the tags of pvc-1 could not be changed', retag);
    await expect(error).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(error).rejects.toThrow(/^the tags of pvc-1 could not be changed: LVM succeeded, but its metadata on/);
  });

  test.each([
    ['an activation', activateVolume(group, lv)],
    ['a repair', repairMirror(group, lv)],
  ])('is not compared if it commits nothing: %s', async (_what, argv) => {
    loses = true;
    await (await writer()).change('it', argv);
    expect(asked).toBe(0);
  });

  test('is not tried if a disk does not answer', async () => {
    const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
    await cache.refresh();
    const readLocations = () => Promise.reject(new Failure('unavailable', 'a read of /dev/x did not end'));
    const stuck = fakeWriter(lvm, cache, { readLocations });
    await expect(stuck.change('it', removeVolume(group, lv))).rejects.toThrow('did not end');
    expect(lvm.commands).toEqual([]);
  });
});

describe('the location of the metadata on a disk', () => {
  const read = createReadLocations(createPatience());
  /** A file with the header of a metadata area as LVM writes it. */
  async function disk(magic: string, { offset = 5120n, flags = 0 } = {}): Promise<string> {
    const bytes = Buffer.alloc(8192);
    bytes.write(magic, 4096 + 4, 'latin1');
    bytes.writeBigUInt64LE(offset, 4096 + 40);
    bytes.writeUInt32LE(flags, 4096 + 60);
    const path = join(folderOfTest(), 'disk');
    await writeFile(path, bytes);
    return path;
  }
  const magic = ' LVM2 x[5A%r0N*>';

  test('is read from each disk that has a metadata area in use', async () => {
    const paths = [
      await disk(magic),
      await disk(magic, { offset: 5632n }),
      await disk(magic, { flags: 1 }),
      await disk('no label'),
      '/dev/does-not-exist',
    ];
    const found = await read(paths);
    expect([...found.keys()]).toEqual(paths.slice(0, 2));
    expect(new Set(found.values()).size).toBe(2);
  });

  test('shows a lost commit only if it is the same on every disk', () => {
    const before = new Map(Object.entries({ a: '1', b: '1' }));
    expect(unchanged(before, new Map(Object.entries({ a: '1', b: '1' })))).toEqual(['a', 'b']);
    expect(unchanged(before, new Map(Object.entries({ a: '1', b: '2' })))).toEqual([]);
    expect(unchanged(before, new Map(Object.entries({ a: '1' })))).toEqual([]);
  });
});
