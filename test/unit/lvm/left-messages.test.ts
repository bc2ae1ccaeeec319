import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NodeName, VgName } from '../../../src/domain/ids.ts';
import { createLeftMessages } from '../../../src/lvm/blocks/left-messages.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import type { LvmArguments } from '../../../src/lvm/process/lvm.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';

/** As LVM writes it: a message of a removal that was sent, in a transaction that the kernel has ended. */
const left = '\t\t\t\tzero_new_blocks = 1\n\n\t\t\t\tmessage1 {\n\t\t\t\t\tdelete = 5\n\t\t\t\t}\n';

let directory: string;
let lvm: FakeLvm;
/** What LVM has of messages. */
let messages: string;
/** What a creation of a volume ends with. */
let creation: () => void;
/** Whether the cause of a refusal can be mended. */
let mends: () => boolean;
let steps: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quarry-messages-'));
  [messages, creation, mends, steps] = [left, () => undefined, () => false, []];
  lvm = new FakeLvm();
  lvm.volumes.set('thinpool', { size: 4n, tags: new Set(), row: { lv_attr: 'twi-a-tz--' } });
  lvm.volumes.set('old', { size: 4n, tags: new Set() });
});
afterEach(() => rm(directory, { recursive: true }));

async function start() {
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  await cache.refresh();
  const answering = {
    async reportForChange(argv: LvmArguments) {
      steps.push(argv[0]);
      if (argv[0] !== 'vgcfgbackup') throw new Error(`unexpected ${argv.join(' ')}`);
      await writeFile(argv[2] ?? '', `vg {\n\ttags = ["message1 {"]\n${messages}}\n`);
      return { ok: true, rows: [] } as const;
    },
    async change(argv: LvmArguments) {
      steps.push(argv.join(' ').replace(/ --addtag \S+/g, ''));
      if (argv[0] !== 'lvcreate') return lvm.change(argv);
      messages = '';
      try {
        creation();
        return await lvm.change(argv);
      } catch {
        return { ok: false, messages: ['free space in thin pool vg/thinpool reached threshold'] } as const;
      }
    },
  };
  const { log } = memoryLog();
  const mend = async () => mends();
  const messagesOfLvm = createLeftMessages({ lvm: answering, cache, mend, directory, log });
  const writer = fakeWriter(lvm, cache, { messages: messagesOfLvm });
  const change = (...argv: LvmArguments) =>
    writer.exclusive(spec.group, undefined, () => writer.change('it could not be changed', argv));
  return { messagesOfLvm, change, remove: (lv: string) => change('lvremove', '-y', `vg/${lv}`) };
}

const names = () => steps.map((step) => step.split(' ')[0]);

test('a removal first has LVM forget messages that a cut-off change left, once', async () => {
  const { remove } = await start();
  lvm.volumes.set('older', { size: 4n, tags: new Set() });
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup', 'lvcreate', 'lvremove']);
  expect(steps.at(-1)).toMatch(/^lvremove -y vg\/q-message-[0-9a-f]{8}$/);
  await remove('older');
  expect(steps).toHaveLength(3);
  expect([...lvm.volumes.keys()]).toEqual(['thinpool']);
  expect(await readdir(directory)).toEqual([]);
});

test('a removal goes on if what keeps LVM from forgetting them can be mended', async () => {
  const { remove } = await start();
  creation = () => {
    // LVM has not forgotten them.
    messages = left;
    throw new Error('it was refused');
  };
  mends = () => {
    creation = () => undefined;
    return true;
  };
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup', 'lvcreate', 'lvcreate', 'lvremove']);
  expect([...lvm.volumes.keys()]).toEqual(['thinpool']);
});

test('what an earlier attempt that was cut off made does not keep LVM from forgetting them', async () => {
  const { remove } = await start();
  lvm.volumes.set('q-message-00000000', { size: 4n, tags: new Set() });
  await remove('old');
  expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'q-message-00000000']);
});

test('a removal looks, and makes nothing, where no messages are left', async () => {
  messages = '';
  const { remove } = await start();
  await remove('old');
  expect(steps).toEqual(['vgcfgbackup']);
});

test('a removal looks again after a change that failed', async () => {
  messages = '';
  const { change, remove } = await start();
  await remove('old');
  await expect(change('lvremove', '-y', 'vg/absent')).rejects.toThrow('absent');
  lvm.volumes.set('old', { size: 4n, tags: new Set() });
  messages = left;
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup', 'vgcfgbackup', 'lvcreate', 'lvremove']);
});

test('a removal looks again after a preparation of its pool: another program may have been cut off', async () => {
  messages = '';
  const { messagesOfLvm, remove } = await start();
  await remove('old');
  messagesOfLvm.doubt('other' as VgName);
  lvm.volumes.set('old', { size: 4n, tags: new Set() });
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup']);
  messagesOfLvm.doubt(spec.group);
  lvm.volumes.set('old', { size: 4n, tags: new Set() });
  messages = left;
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup', 'vgcfgbackup', 'lvcreate', 'lvremove']);
});

test('a full pool that refuses the creation has the messages no more, so that the removal goes on', async () => {
  creation = () => {
    throw new Error('full');
  };
  const { remove } = await start();
  await remove('old');
  expect(names()).toEqual(['vgcfgbackup', 'lvcreate', 'vgcfgbackup']);
  expect(lvm.volumes.has('old')).toBe(false);
});

test('nothing is removed while the messages stay', async () => {
  creation = () => {
    messages = left;
    throw new Error('refused');
  };
  const { remove } = await start();
  await expect(remove('old')).rejects.toThrow(/pending changes of thin pool vg\/thinpool could not be finished/);
  expect(lvm.volumes.has('old')).toBe(true);
});

test('other changes, and groups without a thin pool, need no look', async () => {
  const { change } = await start();
  await change('lvchange', '--addtag', 'x', 'vg/old');
  lvm.volumes.delete('thinpool');
  const { remove } = await start();
  await remove('old');
  expect(steps).toEqual([]);
});
