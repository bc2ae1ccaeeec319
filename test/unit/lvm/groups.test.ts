import { beforeEach, describe, expect, test } from 'vitest';
import { createQueue, type Queue } from '../../../src/concurrency/queue.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { Groups } from '../../../src/lvm/groups.ts';
import type { Writer } from '../../../src/lvm/writer.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';

let lvm: FakeLvm;
let queue: Queue;
let cache: InventoryCache;
let groups: Groups;
let writer: Writer;

beforeEach(() => {
  lvm = new FakeLvm();
  queue = createQueue();
  cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  writer = fakeWriter(lvm, cache, { queue });
  groups = new Groups({ node: 'node-1' as NodeName, lvm, cache, writer, links: '/run/links' });
});

describe('preparing a pool', () => {
  const add = (...volumes: readonly string[]): void => {
    for (const name of volumes) lvm.volumes.set(name, { size: 4n, tags: new Set() });
  };
  const prepare = async () => {
    await cache.refresh();
    return groups.prepare(spec);
  };

  test('changes nothing while all of the group is active, or there is no group', async () => {
    add('a');
    expect(await prepare()).toEqual([]);
    lvm.present = false;
    expect(await prepare()).toEqual([]);
    expect(lvm.commands).toEqual([]);
  });

  test('activates a group once: a volume that is deactivated later stays so', async () => {
    add('a', 'b');
    lvm.inactive.add('b');
    expect(await prepare()).toEqual([]);
    expect(lvm.commands).toEqual([['vgchange', '-a', 'y', '--poll', 'n', 'vg']]);
    lvm.inactive.add('b');
    expect(await prepare()).toEqual([]);
    expect(lvm.commands).toHaveLength(1);
  });

  test('reads LVM once after it has activated a group: the last report shows it', async () => {
    add('a', 'b');
    lvm.inactive.add('b');
    await cache.refresh();
    const commands: string[] = [];
    lvm.beforeAnswer = async ([command]) => void commands.push(command);
    await groups.prepare(spec);
    expect(commands).toEqual(['vgchange', 'fullreport']);
    expect(cache.report().volumes.every(({ active }) => active)).toBe(true);
  });

  test('activates what a newer report shows as inactive, although the last one had nothing to do but for the thin pool', async () => {
    const row = { lv_attr: 'twi-a-tz--', lv_when_full: 'queue', lv_metadata_size: '33554432' };
    lvm.volumes.set('thinpool', { size: 400n, tags: new Set(['quarry.role=thin-pool']), row });
    add('a');
    await cache.refresh();
    lvm.inactive.add('a');
    const thin = { share: 40, overprovision: 1, refuseAt: 95 } as const;
    await groups.prepare({ ...spec, type: 'thin', thin });
    expect(lvm.commands.map(([name, option]) => `${name} ${option}`)).toEqual(['vgchange -a', 'lvextend -y']);
  });

  test('a group that is active when it is first seen is not activated later', async () => {
    add('a');
    await prepare();
    lvm.inactive.add('a');
    expect(await prepare()).toEqual([]);
    expect(lvm.commands).toEqual([]);
  });

  describe('a thin pool that becomes inactive', () => {
    const attributes = (active: boolean) =>
      lvm.volumes.set('thinpool', {
        size: 4n,
        tags: new Set(),
        row: { lv_attr: active ? 'twi-a-tz--' : 'twi---tz--' },
      });

    test('when LVM gives up a volume is activated again', async () => {
      attributes(true);
      await prepare();
      // A disk fails while LVM writes its metadata.
      lvm.beforeAnswer = async ([command]) => {
        if (command !== 'lvcreate') return;
        attributes(false);
        throw new Failure('unavailable', 'Failed to write VG vg');
      };
      await expect(writer.change('a volume could not be created', ['lvcreate', 'vg/new'])).rejects.toThrow('write VG');
      expect(await prepare()).toEqual([]);
      expect(lvm.commands.at(-1)).toEqual(['vgchange', '-a', 'y', '--poll', 'n', 'vg']);
    });

    test('because an administrator deactivates it stays so', async () => {
      attributes(true);
      await prepare();
      const failing = async (): Promise<void> => {
        throw new Failure('unavailable', 'no answer');
      };
      lvm.beforeAnswer = ([command]) => (command === 'lvcreate' ? failing() : Promise.resolve());
      await expect(writer.change('a volume could not be created', ['lvcreate', 'vg/new'])).rejects.toThrow('no answer');
      await prepare();
      attributes(false);
      expect(await prepare()).toEqual([]);
    });
  });

  test('a group that comes back is activated', async () => {
    add('a');
    lvm.inactive.add('a');
    lvm.present = false;
    await prepare();
    lvm.present = true;
    expect(await prepare()).toEqual([]);
    expect(lvm.inactive.size).toBe(0);
  });

  test('names the volumes that do not activate, and serves the others', async () => {
    add('a', 'b', 'c');
    for (const name of ['a', 'b', 'c']) lvm.inactive.add(name);
    for (const name of ['a', 'c']) lvm.defect.add(name);
    expect(await prepare()).toEqual([
      expect.stringMatching(/^a, c not active: volume group vg could not be activated: .*partial LV vg\/a/),
    ]);
    expect([...lvm.inactive]).toEqual(['a', 'c']);
  });

  describe('activates a thin pool that lacks a copy', () => {
    beforeEach(() => {
      add('thinpool_tmeta', 'thinpool_tdata');
      lvm.volumes.set('thinpool', { size: 4n, tags: new Set(), row: { lv_attr: 'twi---tzp-' } });
      lvm.inactive.add('thinpool');
      lvm.defect.add('thinpool');
      lvm.mirrors.set('thinpool_tdata', { raid_sync_action: '', sync_percent: '', raid_max_recovery_rate: '' });
    });

    test('if its data and its metadata both have one left', async () => {
      lvm.mirrors.set('thinpool_tmeta', { raid_sync_action: '', sync_percent: '', raid_max_recovery_rate: '' });
      expect(await prepare()).toEqual([]);
      expect(lvm.commands.at(-1)?.join(' ')).toBe('lvchange -a y -K --poll n --activationmode partial vg/thinpool');
    });

    test('not if its metadata has no copies', async () => {
      await expect(prepare()).rejects.toThrow('Refusing activation of partial LV vg/thinpool');
      expect(lvm.commands.join()).not.toContain('partial');
    });
  });

  test('fails if LVM gives no answer, and tries again', async () => {
    add('a');
    lvm.inactive.add('a');
    lvm.beforeAnswer = async ([command]) => {
      if (command === 'vgchange') throw new Failure('unavailable', 'lvm did not answer');
    };
    await expect(prepare()).rejects.toThrow('lvm did not answer');
    lvm.beforeAnswer = async () => undefined;
    expect(await prepare()).toEqual([]);
  });
});
