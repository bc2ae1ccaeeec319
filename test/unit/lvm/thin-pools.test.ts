import { beforeEach, describe, expect, test } from 'vitest';
import { createQueue } from '../../../src/concurrency/queue.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import type { PoolSpec, ThinSpec } from '../../../src/domain/pool.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { Groups } from '../../../src/lvm/groups.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';

const autoextend = { threshold: 80, by: 50 };
const node = 'node-1' as NodeName;

let lvm: FakeLvm;
let cache: InventoryCache;
let groups: Groups;

beforeEach(async () => {
  lvm = new FakeLvm();
  cache = new InventoryCache(lvm, node, [spec]);
  const writer = fakeWriter(lvm, cache, { queue: createQueue() });
  groups = new Groups({ node, lvm, cache, writer, links: '/run/links' });
});

function pool(thin: Partial<ThinSpec>): PoolSpec {
  return { ...spec, type: 'thin', thin: { share: 40, overprovision: 1, refuseAt: 95, ...thin } };
}

/** A thin pool that is as large as its share, with these fields of LVM's report. */
async function addPool(row: Record<string, string> = {}, tags = ['quarry.role=thin-pool']): Promise<void> {
  const report = { lv_attr: 'twi-a-tz--', lv_when_full: 'queue', lv_metadata_size: String(32n * MiB), ...row };
  lvm.volumes.set('thinpool', { size: 400n * MiB, tags: new Set(tags), row: report });
  await cache.refresh();
}

describe('writes to a full thin pool', () => {
  test('wait or fail as the configuration says', async () => {
    await addPool();
    expect(await groups.prepare(pool({ whenFull: 'error' }))).toEqual([]);
    expect(lvm.commands).toEqual([['lvchange', '--errorwhenfull', 'y', 'vg/thinpool']]);
    await addPool({ lv_when_full: 'error' });
    await groups.prepare(pool({ whenFull: 'queue' }));
    expect(lvm.commands.at(-1)).toEqual(['lvchange', '--errorwhenfull', 'n', 'vg/thinpool']);
  });

  test('are left as LVM has them if they are so already, or the configuration says nothing', async () => {
    for (const lv_when_full of ['queue', 'error'] as const) {
      await addPool({ lv_when_full });
      for (const thin of [{}, { whenFull: lv_when_full }]) expect(await groups.prepare(pool(thin))).toEqual([]);
    }
    expect(lvm.commands).toEqual([]);
  });
});

test('a thin pool that gives blocks with their old content is set to write zeros over them, whoever created it', async () => {
  await addPool({ lv_attr: 'twi-a-t---' }, []);
  expect(await groups.prepare(pool({}))).toEqual([]);
  expect(lvm.commands).toEqual([['lvchange', '-Z', 'y', 'vg/thinpool']]);
});

test('a thin pool that Quarry did not create grows by its policy, and not with its group', async () => {
  await addPool({ data_percent: '81.00' }, []);
  await groups.prepare(pool({ share: 90 }));
  expect(lvm.commands).toEqual([]);
  await groups.prepare(pool({ share: 90, autoextend }));
  expect(lvm.commands).toEqual([['lvextend', '-y', '-L', `${600n * MiB}b`, 'vg/thinpool']]);
});

describe('a look at the use of a thin pool', () => {
  const needsGrowth = (thin: Partial<ThinSpec>) => groups.needsGrowth(pool(thin));
  const use = (row: Record<string, string>) => Object.assign(lvm.volumes.get('thinpool')?.row ?? {}, row);

  test('shows what the last report does not: its data or metadata has reached the threshold', async () => {
    await addPool({ data_percent: '10.00', metadata_percent: '10.00' });
    expect(await needsGrowth({ autoextend })).toBe(false);
    use({ data_percent: '80.00' });
    expect(await needsGrowth({ autoextend })).toBe(true);
    use({ data_percent: '10.00', metadata_percent: '80.00' });
    expect(await needsGrowth({ autoextend })).toBe(true);
    expect(await needsGrowth({})).toBe(false);
  });

  test('shows nothing to do if the group has no room', async () => {
    await addPool({ data_percent: '99.00', metadata_percent: '99.00' });
    lvm.volumes.set('theirs', { size: lvm.free, tags: new Set() });
    await cache.refresh();
    expect(await needsGrowth({ autoextend })).toBe(false);
  });

  test('shows nothing to do for a pool with room that Quarry did not create, whatever else is in its group', async () => {
    lvm.volumes.set('theirs', { size: 4n * MiB, tags: new Set() });
    await addPool({ data_percent: '10.00', metadata_percent: '10.00' }, []);
    expect(await needsGrowth({ autoextend })).toBe(false);
    use({ data_percent: '80.00' });
    expect(await needsGrowth({ autoextend })).toBe(true);
  });

  test('asks LVM for nothing before the first report, and where no pool grows by itself', async () => {
    const asked: string[] = [];
    lvm.beforeAnswer = async (argv) => void asked.push(argv.join(' '));
    expect(await needsGrowth({ autoextend })).toBe(false);
    await addPool({ data_percent: '99.00' });
    asked.length = 0;
    expect(await needsGrowth({})).toBe(false);
    expect(asked).toEqual([]);
    await needsGrowth({ autoextend });
    expect(asked).toEqual([expect.stringMatching(/^lvs -o .* vg\/thinpool$/)]);
  });
});

test('a mirrored thin pool is not made on one disk, and the failure says how many more it needs', async () => {
  await cache.refresh();
  const failure = groups.prepare({ ...pool({}), mirrors: 1 });
  const needs = 'its 2 legs (stripes times copies) need as many devices with free space, and 1 have some; add 1 more';
  await expect(failure).rejects.toThrow(`the thin pool of ${spec.name} could not be created: ${needs}`);
  expect(lvm.commands).toEqual([]);
});

test('a thin pool without room for a block is not made, and the failure says what is free', async () => {
  await cache.refresh();
  const room = /its share of volume group vg \(1 %\) has no room for data and metadata: \d+ bytes are free/;
  await expect(groups.prepare(pool({ share: 1 }))).rejects.toThrow(room);
});

test('a thin pool is made of its data and its metadata, and writes zeros over each new block', async () => {
  await cache.refresh();
  await groups.prepare(pool({}));
  const [data, metadata, join] = lvm.commands;
  expect([data?.[0], metadata?.[0]]).toEqual(['lvcreate', 'lvcreate']);
  expect(join?.join(' ')).toBe('lvconvert -y --type thin-pool -Z y --poolmetadata vg/thinpoolm vg/thinpool');
});

describe('a part of a mirrored thin pool whose creation was cut off', () => {
  const commandsOf = async (lv_attr: string, parts: readonly string[] = []) => {
    const tags = new Set(['quarry.v=1', 'quarry.role=thin-pool']);
    for (const name of ['thinpool', ...parts]) lvm.volumes.set(name, { size: 200n * MiB, tags, row: { lv_attr } });
    await cache.refresh();
    await groups.prepare({ ...pool({}), mirrors: 1 });
    return lvm.commands
      .filter(([command]) => command !== 'vgchange')
      .map(([command, ...rest]) => `${command} ${rest.at(-1)}`);
  };
  const again = ['lvremove vg/thinpool', 'lvcreate vg', 'lvcreate vg', 'lvconvert vg/thinpool'];

  test('is made again if the kernel refuses to activate it, because only some of its disks have its superblock', async () => {
    const change = lvm.change.bind(lvm);
    lvm.change = async (argv) => {
      const answer = await change(argv);
      if (argv[0] === 'vgchange') Object.assign(lvm.volumes.get('thinpool')?.row ?? {}, { lv_attr: 'rwi---r---' });
      return answer;
    };
    expect(await commandsOf('rwi---r---')).toEqual(again);
  });

  test('is made again while the metadata of its copies is visible', async () => {
    expect(await commandsOf('rwi-a-r---', ['thinpool_rmeta_0', 'thinpool_rmeta_1'])).toEqual(again);
  });

  test('is kept if it is whole', async () => {
    expect(await commandsOf('rwi-a-r---')).toEqual(['lvcreate vg', 'lvconvert vg/thinpool']);
  });
});
