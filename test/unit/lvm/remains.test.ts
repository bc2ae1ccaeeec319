import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { removeRemains } from '../../../src/lvm/remains.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage } from './fake-storage.ts';

let lvm: FakeLvm;
const commands = () => lvm.commands.map((argv) => argv.join(' '));
const add = (lv: string, row: Record<string, string>, tags: readonly string[] = []) =>
  lvm.volumes.set(lv, { size: 4n * MiB, tags: new Set(tags.map((tag) => `quarry.${tag}`)), row });

beforeEach(() => {
  lvm = new FakeLvm();
});

/** The preparation of the pool by a driver that starts. */
async function start() {
  const parts = fakeStorage({ lvm });
  await parts.cache.refresh();
  return { ...parts, remove: () => removeRemains(parts, spec.group) };
}

test('a move without extents, which a power cut at the end of an evacuation left, is removed at a start, and nothing else', async () => {
  const rows = { pvmove0: 'error', pvmove: 'error', pvmove1: 'mirror', ours: 'error' };
  for (const [lv, segtype] of Object.entries(rows)) add(lv, { segtype });
  const { remove } = await start();
  expect(await remove()).toEqual([]);
  expect(commands()).toEqual(['lvremove -y vg/pvmove0']);
  expect([...lvm.volumes.keys()]).toEqual(['pvmove', 'pvmove1', 'ours']);
});

test('parts of a replaced copy, which a power cut amid a repair left, are no volume and are removed', async () => {
  const tags = ['v=1', 'role=volume', 'id=node-1:one', 'name=one', 'layout=thick/1/65536/1', 'fs=none'];
  const parts = ['one_rimage_1_extracted', 'one_rmeta_1_extracted'];
  for (const part of parts) add(part, { lv_attr: '-wi-----p-' }, [...tags, 'state=creating']);
  const { cache, remove } = await start();
  expect(cache.current().volumes.size).toBe(0);
  expect(await remove()).toEqual([]);
  expect(commands()).toEqual(parts.map((part) => `lvremove -y vg/${part}`));
});

test('a volume that was made to have messages sent, and was cut off, is removed at a start', async () => {
  add('q-message-0a1b2c3d', { segtype: 'thin' }, ['v=1', 'role=scratch']);
  add('q-0123456789012345678901234567890123456789', { segtype: 'thin' });
  const { remove } = await start();
  expect(await remove()).toEqual([]);
  expect(commands()).toEqual(['lvremove -y vg/q-message-0a1b2c3d']);
});

test('a group without remains is left alone, and not asked for', async () => {
  add('ours', {});
  const { remove } = await start();
  lvm.beforeAnswer = async (argv) => expect(argv).toBeUndefined();
  expect(await remove()).toEqual([]);
  expect(commands()).toEqual([]);
});

test('what a running command makes for a moment is left to that: the look waits for its turn of the group', async () => {
  add('pvmove0', { segtype: 'error' });
  const { writer, remove } = await start();
  const running = Promise.withResolvers<void>();
  const command = writer.exclusive(spec.group, undefined, () => running.promise);
  const removed = remove();
  lvm.volumes.delete('pvmove0');
  running.resolve();
  await Promise.all([command, removed]);
  expect(commands()).toEqual([]);
});

test('remains that LVM does not remove are a problem of the pool', async () => {
  add('pvmove0', { segtype: 'error' });
  const { remove } = await start();
  lvm.beforeAnswer = async ([command]) => {
    if (command === 'lvremove') lvm.volumes.delete('pvmove0');
  };
  expect(await remove()).toEqual([expect.stringContaining('vg/pvmove0, which LVM left')]);
});
