import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import { createFinishSnapshot } from '../../../src/lvm/blocks/cut-off-snapshots.ts';
import { createPoolDevices } from '../../../src/lvm/blocks/pool-device.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { lvmFailure } from '../../../src/lvm/failures.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter } from './fake-storage.ts';

/** What LVM 2.03.31 says. */
const refusal = (device = 'vg-thinpool-tpool', id = 4) => [
  'device-mapper: message ioctl on  (254:4) failed: File exists',
  `Failed to process message "create_snap ${id} 1".`,
  `Thin pool ${device} (254:4) already contain thin device with device_id ${id}.`,
  `Manual intervention may be required to remove device dev_id=${id} in thin pool metadata.`,
  'Failed to suspend vg/thinpool with queued messages.',
];

let lvm: FakeLvm;
let cache: InventoryCache;
/** What the kernel shows, and is told. */
let transaction: number;
let told: string[];
let answers: boolean;
const { log, lines } = memoryLog();

beforeEach(async () => {
  lvm = new FakeLvm();
  const add = (lv: string, row: Record<string, string>) =>
    lvm.volumes.set(lv, { size: 8n * MiB, tags: new Set(), row });
  add('thinpool', { lv_attr: 'twi-aotz--', transaction_id: '4', thin_id: '' });
  add('origin', { lv_attr: 'Vwi-a-tz--', pool_lv: 'thinpool', transaction_id: '0', thin_id: '1' });
  add('snap', { lv_attr: 'Vwi---tz-k', pool_lv: 'thinpool', transaction_id: '3', thin_id: '4' });
  cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  await cache.refresh();
  [transaction, told, answers] = [3, [], true];
  lines.length = 0;
});

const finish = (messages: readonly string[]) => finishing()(lvmFailure('it could not be removed', messages));
const finishing = () =>
  createFinishSnapshot({
    lvm,
    cache,
    devices: createPoolDevices({
      hosted: (program) => [program],
      run: async ([, command, device, ...message]) => {
        if (!answers) return { exitCode: 1, stdout: '', stderr: 'no such device' };
        if (command === 'message') told.push(`${device} ${message.join(' ')}`);
        const stdout = `0 2195456 thin-pool ${transaction} 115/1024 144/17152 - rw no_discard_passdown queue_if_no_space - 256 `;
        return { exitCode: 0, stdout, stderr: '' };
      },
    }),
    log,
  });

test('ends the transaction of a snapshot that the kernel has and LVM sends again', async () => {
  expect(await finish(refusal())).toBe(true);
  expect(told).toEqual(['vg-thinpool-tpool 0 set_transaction_id 3 4']);
});

test.each([
  ['another refusal', () => finish(['Insufficient free space'])],
  ['a pool that is not here', () => finish(refusal('other-thinpool-tpool'))],
  ['a snapshot that LVM does not know: the device is of another program', () => finish(refusal(undefined, 5))],
  ['a message about another device', () => finish([...refusal().slice(0, 2), ...refusal(undefined, 5).slice(2)])],
  [
    'a transaction that is over',
    () => {
      transaction = 4;
      return finish(refusal());
    },
  ],
  [
    'a snapshot of another pool',
    () => {
      Object.assign(lvm.volumes.get('snap')?.row ?? {}, { pool_lv: 'second' });
      return finish(refusal());
    },
  ],
])('changes nothing after %s', async (_what, run) => {
  expect(await run()).toBe(false);
  expect(told).toEqual([]);
});

test('logs that the kernel does not answer', async () => {
  answers = false;
  expect(await finish(refusal())).toBe(false);
  expect(JSON.stringify(lines)).toContain('no such device');
});

test('a change that was refused for that is repeated, once', async () => {
  const writer = fakeWriter(lvm, cache, { mend: finishing() });
  const remove = () => writer.change('it could not be removed', ['lvremove', '-y', `${spec.group}/snap`]);
  const change = lvm.change.bind(lvm);
  lvm.change = (argv) => (told.length === 0 ? Promise.resolve({ ok: false, messages: refusal() }) : change(argv));
  await remove();
  expect(lvm.volumes.has('snap')).toBe(false);
  lvm.change = async () => ({ ok: false, messages: refusal() });
  await expect(remove()).rejects.toThrow('already contain thin device');
  expect(told).toHaveLength(1);
});
