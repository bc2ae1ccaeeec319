import { expect, test } from 'vitest';
import { PendingCreates } from '../../../src/controller/pending-creates.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { defaultLayout } from '../../../src/domain/pool.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import { MemoryFleet } from '../../support/memory-fleet.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

const { signal } = new AbortController();
const fast = thickSpec('fast');
const specOf = (name: string): VolumeSpec => ({
  name,
  pool: fast.name,
  layout: defaultLayout(fast, 'thick'),
  size: { required: MiB },
  mkfsOptions: [],
  qos: noQos,
});

test('the number of open creations is bounded; an open one can be tried again', async () => {
  const storage = new MemoryStorage('a', [emptyPool(fast, 1024n * MiB)]);
  const member = new MemoryFleet([storage]).link('a');
  storage.interrupt = async () => {
    throw new Failure('unavailable', 'it died');
  };
  const pending = new PendingCreates();
  for (let index = 0; index < 10_000; index += 1) {
    await pending.send(member, specOf(`x${index}`), signal).catch(() => undefined);
  }
  storage.interrupt = async () => undefined;
  await expect(pending.send(member, specOf('y'), signal)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(storage.volumes.size).toBe(0);
  await pending.send(member, specOf('x0'), signal);
  await pending.send(member, specOf('y'), signal);
  expect(pending.open()).toHaveLength(9999);
  expect(pending.comingTo(member.node)).toBe(9999n * MiB);
});

test('the node of a name is remembered for a bounded number of names, the newest', async () => {
  const storage = new MemoryStorage('a', [emptyPool(fast, 1024n * 1024n * MiB)]);
  const member = new MemoryFleet([storage]).link('a');
  const pending = new PendingCreates();
  for (let index = 0; index <= 10_000; index += 1) {
    await pending.send(member, specOf(`x${index}`), signal);
    // Without this the fake examines all of them each time.
    storage.volumes.clear();
  }
  expect(pending.sentTo('x0')).toBeUndefined();
  expect(pending.sentTo('x1')).toBe('a');
  pending.forget('x1');
  expect(pending.sentTo('x1')).toBeUndefined();
});

test('a node that leaves several creations without an answer is passed over until it answers, or is forgiven', async () => {
  const storage = new MemoryStorage('a', [emptyPool(fast, 1024n * MiB)]);
  const member = new MemoryFleet([storage]).link('a');
  const pending = new PendingCreates();
  const fail = async (kind: 'unavailable' | 'exhausted', times: number): Promise<void> => {
    storage.interrupt = async () => {
      throw new Failure(kind, 'no volume');
    };
    for (let index = 0; index < times; index += 1) {
      await pending.send(member, specOf(`x${index}`), signal).catch(() => undefined);
    }
    storage.interrupt = async () => undefined;
  };
  await fail('unavailable', 2);
  expect(pending.unanswering(member.node)).toBe(false);
  await fail('unavailable', 1);
  expect(pending.unanswering(member.node)).toBe(true);
  await pending.send(member, specOf('y'), signal);
  expect(pending.unanswering(member.node)).toBe(false);
  await fail('unavailable', 5);
  await fail('exhausted', 1);
  expect(pending.unanswering(member.node)).toBe(false);
  await fail('unavailable', 5);
  pending.forgive();
  expect(pending.unanswering(member.node)).toBe(false);
  await fail('unavailable', 1);
  expect(pending.unanswering(member.node)).toBe(true);
});
