import { beforeEach, describe, expect, test } from 'vitest';
import { createQueue, type Queue } from '../../../src/concurrency/queue.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { Groups } from '../../../src/lvm/groups.ts';
import type { LvmArguments } from '../../../src/lvm/process/lvm.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';

let lvm: FakeLvm;
let queue: Queue;
let groups: Groups;

beforeEach(() => {
  lvm = new FakeLvm();
  queue = createQueue();
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  const writer = fakeWriter(lvm, cache, { queue });
  groups = new Groups({ node: 'node-1' as NodeName, lvm, cache, writer, links: '/run/links', pause: 1 });
});

const names = (commands: readonly LvmArguments[]) => commands.map(([name]) => name);

describe('taking a disk', () => {
  test('proves a disk again within the turn of its group, right before the first write', async () => {
    const others = Promise.withResolvers<void>();
    const steps: string[] = [];
    const before = queue.run(spec.group, undefined, () => others.promise);
    const taking = groups.take(spec, '/dev/sdb', async () => {
      steps.push('proven');
      expect(lvm.commands).toEqual([]);
      return { marked: false, claimed: false, mayCreate: false };
    });
    steps.push('others done');
    others.resolve();
    await Promise.all([before, taking]);
    expect(steps).toEqual(['others done', 'proven']);
    expect(names(lvm.commands)).toEqual(['pvcreate', 'vgextend']);
  });

  const heldBy = (name: string) =>
    new Failure('unavailable', `${name}: Can't open /run/links/sdb exclusively.  Mounted filesystem?`);

  test.each(['pvcreate', 'vgextend', 'vgcreate'])('waits with %s for another look at the disk', async (waiting) => {
    let looks = 3;
    lvm.beforeAnswer = async ([name]) => {
      if (name === waiting && looks-- > 0) throw heldBy(waiting);
    };
    const mayCreate = waiting === 'vgcreate';
    let proofs = 0;
    await groups.take(spec, '/dev/sdb', async () => {
      proofs += 1;
      return { marked: false, claimed: false, mayCreate };
    });
    expect(looks).toBe(-1);
    // Before each attempt at the first write, as what holds the disk may have written to it.
    expect(proofs).toBe(waiting === 'pvcreate' ? 4 : 1);
    expect(names(lvm.commands).slice(0, 2)).toEqual(['pvcreate', mayCreate ? 'vgcreate' : 'vgextend']);
  });

  test('leaves a disk alone that something else was written to while it was held', async () => {
    let held = true;
    lvm.beforeAnswer = async ([name]) => {
      if (!held || name === 'fullreport') return;
      held = false;
      throw heldBy(name);
    };
    const prove = async () => {
      if (!held) throw new Failure('precondition', '/dev/sdb is no longer blank');
      return { marked: true, claimed: false, mayCreate: false };
    };
    await expect(groups.take(spec, '/dev/sdb', prove)).rejects.toThrow('no longer blank');
    expect(lvm.commands).toEqual([]);
  });

  test('does not wait for ever, nor after another refusal', async () => {
    const unmarked = async () => ({ marked: false, claimed: false, mayCreate: false });
    let attempts = 0;
    lvm.beforeAnswer = async ([name]) => {
      if (name !== 'pvcreate') return;
      attempts += 1;
      throw heldBy('pvcreate');
    };
    await expect(groups.take(spec, '/dev/sdb', unmarked)).rejects.toThrow('exclusively');
    expect(attempts).toBeGreaterThan(1);
    attempts = 0;
    lvm.beforeAnswer = async ([name]) => {
      if (name !== 'pvcreate') return;
      attempts += 1;
      throw new Failure('unavailable', 'no device found');
    };
    await expect(groups.take(spec, '/dev/sdb', unmarked)).rejects.toThrow('no device found');
    expect(attempts).toBe(1);
  });

  test('leaves a disk alone that fails the second proof', async () => {
    const used = async () => {
      throw new Failure('precondition', '/dev/sdb is no longer blank');
    };
    await expect(groups.take(spec, '/dev/sdb', used)).rejects.toThrow('no longer blank');
    expect(lvm.commands).toEqual([]);
  });

  test('keeps the physical volume of a disk that already has our mark', async () => {
    await groups.take(spec, '/dev/sdb', async () => ({ marked: true, claimed: false, mayCreate: false }));
    expect(names(lvm.commands)).toEqual(['vgextend']);
  });

  test('writes a new label if the old one names a group that does not exist', async () => {
    await groups.take(spec, '/dev/sdb', async () => ({ marked: true, claimed: true, mayCreate: false }));
    expect(lvm.commands[0]).toEqual(expect.arrayContaining(['pvcreate', '-ff']));
    expect(names(lvm.commands)).toEqual(['pvcreate', 'vgextend']);
  });

  test('creates a tagged group only if none of that name may come back', async () => {
    await groups.take(spec, '/dev/sdb', async () => ({ marked: true, claimed: false, mayCreate: true }));
    expect(lvm.commands).toEqual([
      expect.arrayContaining(['vgcreate', 'quarry.pool=fast', 'vg']),
      ['vgchange', '--config', 'backup/backup=1', '--addtag', 'quarry.node=node-1', 'vg'],
    ]);
    // The disk of a group that lacks this tag was never used (pools/joining.ts).
    expect(lvm.commands[0]).not.toContain('quarry.node=node-1');
  });
});

test('a new physical volume has our mark in its UUID, and room for the tags of tens of thousands of volumes', async () => {
  const uuids = new Set<string>();
  for (let disk = 0; disk < 50; disk += 1) {
    await groups.take(spec, '/dev/sdb', async () => ({ marked: false, claimed: false, mayCreate: false }));
    const pvcreate: readonly string[] = lvm.commands.at(-2) ?? [];
    expect(pvcreate).toEqual(expect.arrayContaining(['--metadatasize', '33554432b', '/run/links/sdb']));
    uuids.add(pvcreate[pvcreate.indexOf('--uuid') + 1] ?? '');
  }
  for (const uuid of uuids) expect(uuid).toMatch(/^quarry(?:-[0-9a-zA-Z]{4}){5}-[0-9a-zA-Z]{6}$/);
  expect(uuids.size).toBe(50);
});
