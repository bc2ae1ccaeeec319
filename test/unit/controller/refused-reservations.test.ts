import { beforeEach, describe, expect, test } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import { RefusedReservations } from '../../../src/controller/refused-reservations.ts';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import type { Member } from '../../../src/domain/fleet.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';
import { anywhere, controllerOf, pinned, wish } from './wishes.ts';

const never = new AbortController().signal;
const claim = { namespace: 'db', name: 'data', uid: undefined };

/** A node whose pool may promise so many reads. */
function promising(node: string, readIops: bigint): MemoryStorage {
  const budget = { rates: { readIops, writeIops: readIops }, reservable: 100, unreserved: {} };
  return new MemoryStorage(node, [emptyPool(thickSpec('fast', { budget }), GiB)]);
}

const reserving = (parameters: Record<string, string>, size = 64n * MiB) => ({
  claim,
  parameters: parseParameters(parameters),
  size: { required: size },
});

describe('a claim whose reservations no node can promise', () => {
  let provisioner: Provisioner;
  beforeEach(() => {
    ({ provisioner } = controllerOf([promising('a', 300n), promising('b', 500n), promising('c', 100n)]));
  });
  const refuse = async (name: string, change: object, where = anywhere) =>
    expect(provisioner.create(wish(name, where, change), never)).rejects.toMatchObject({ kind: 'exhausted' });
  const messages = () => provisioner.refusedReservations.list().map(({ message }) => message);

  test('is listed with what would fit on the best node, until it is made', async () => {
    await refuse('v', reserving({ reservedReadIops: '600', reservedWriteIops: '100' }));
    expect(provisioner.refusedReservations.list()).toMatchObject([{ claim }]);
    expect(messages()).toEqual([
      'no node can promise what is reserved; nearest is pool fast on node b: reservedReadIops: 600 IOPS asked for, 500 IOPS left of 500 IOPS that may be reserved',
    ]);
    await provisioner.create(wish('v', anywhere, reserving({ reservedReadIops: '500' })), never);
    expect(messages()).toEqual([]);
  });

  test('names the size that would fit where the reservation grows with it', async () => {
    await refuse('v', reserving({ reservedReadIopsPerGiB: '1000' }, GiB));
    expect(messages()).toEqual([expect.stringMatching(/node b: .*; a volume of 536870912 bytes would fit$/)]);
  });

  test('is listed once for any number of creations, with nodes of its topology only', async () => {
    const asked = reserving({ reservedReadIops: '600' });
    await refuse('v', asked, pinned('a'));
    await refuse('v', asked, pinned('a'));
    expect(messages()).toEqual([expect.stringContaining('on node a: ')]);
  });

  test('is not listed where the space is what lacks, or nothing is reserved, or no claim is known', async () => {
    await refuse('v', reserving({ reservedReadIops: '600' }, 2n * GiB));
    await refuse('w', reserving({}, 2n * GiB));
    await refuse('x', { ...reserving({ reservedReadIops: '600' }), claim: undefined });
    expect(messages()).toEqual([]);
  });

  test('is refused by each node with what it has left', async () => {
    const refused = provisioner.create(wish('v', anywhere, reserving({ reservedReadIops: '600' })), never);
    await expect(refused).rejects.toThrow(
      /node c: pool fast cannot promise that much: reservedReadIops: 600 IOPS asked for, 100 IOPS left/,
    );
  });
});

describe('the list of refused reservations', () => {
  let now: number;
  let list: RefusedReservations;
  const storage = promising('a', 100n);
  const members: Member[] = [{ node: storage.node, connected: true, since: 0, storage }];
  const refuse = (name: string) => list.refused(wish(name, anywhere, reserving({ reservedReadIops: '600' })), members);
  beforeEach(() => {
    now = 0;
    list = new RefusedReservations(() => now);
  });

  test('forgets a creation that is not repeated for ten minutes', () => {
    refuse('v');
    refuse('w');
    now += 400_000;
    refuse('w');
    now += 400_000;
    expect(list.list()).toHaveLength(1);
  });

  test('forgets the oldest of more than a thousand', () => {
    for (let index = 0; index < 1100; index++) refuse(`v-${index}`);
    expect(list.list()).toHaveLength(1000);
  });

  test('has no node that is not connected', () => {
    list.refused(wish('v', anywhere, reserving({ reservedReadIops: '600' })), [
      { node: storage.node, connected: false, since: 0, storage },
    ]);
    expect(list.list()).toEqual([]);
  });
});
