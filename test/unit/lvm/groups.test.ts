import { beforeEach, describe, expect, test } from 'vitest';
import { createQueue, type Queue } from '../../../src/concurrency/queue.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { Groups } from '../../../src/lvm/groups.ts';
import type { LvmArguments } from '../../../src/lvm/lvm.ts';
import { createWriter } from '../../../src/lvm/writer.ts';
import { FakeLvm, spec } from './fake-lvm.ts';

let lvm: FakeLvm;
let queue: Queue;
let groups: Groups;

beforeEach(() => {
  lvm = new FakeLvm();
  queue = createQueue();
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  const writer = createWriter({
    lvm,
    cache,
    queue,
    readLocations: async () => new Map(),
    devices: { flush: async () => undefined },
    changed: () => undefined,
  });
  groups = new Groups({ node: 'node-1' as NodeName, lvm, cache, writer, links: '/run/links' });
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
      expect.arrayContaining(['vgcreate', 'quarry.pool=fast', 'quarry.node=node-1', 'vg']),
    ]);
  });
});
