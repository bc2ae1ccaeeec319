import { expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import type { VolumeId } from '../../../../src/domain/ids.ts';
import type { Use } from '../../../../src/domain/qos.ts';
import { BusiestVolumes } from '../../../../src/features/news/busiest-volumes.ts';

const idOf = (name: string) => `a:${name}` as VolumeId;
const useOf = (changes: Partial<Use> = {}): Use => ({
  readBytes: 0n,
  writtenBytes: 0n,
  reads: 0n,
  writes: 0n,
  ...changes,
});
const on = (volume: string, use: Use | undefined, pod = 'pod-1') => ({
  volume: idOf(volume),
  pod,
  target: `/target/${pod}`,
  use,
});

/** What is told after each list of counters, half a minute apart. */
async function afterLooks(...lists: ReturnType<typeof on>[][]) {
  let list: ReturnType<typeof on>[] = [];
  const busiest = new BusiestVolumes(async () => list);
  const told = [];
  for (const [index, next] of lists.entries()) {
    list = next;
    told.push(Object.fromEntries(await busiest.at(index * 30_000)));
  }
  return told;
}

test('the use of a volume is what all its pods read and write between two looks', async () => {
  const first = [on('db', useOf({ reads: 100n, writtenBytes: 10n * MiB })), on('db', useOf({ reads: 5n }), 'pod-2')];
  const second = [
    on('db', useOf({ reads: 3100n, writtenBytes: 40n * MiB })),
    on('db', useOf({ reads: 305n, writes: 60n }), 'pod-2'),
  ];
  expect(await afterLooks(first, second, second)).toEqual([
    {},
    { 'a:db': { readIops: 110n, writeIops: 2n, writeBandwidth: MiB } },
    {},
  ]);
});

test('a counter that began again, a pod that is new, and one without counters count as idle', async () => {
  const first = [on('again', useOf({ reads: 500n })), on('unknown', undefined)];
  const second = [on('again', useOf({ reads: 20n })), on('unknown', undefined), on('new', useOf({ reads: 900n }))];
  expect(await afterLooks(first, second)).toEqual([{}, {}]);
});

test('a node tells of the 64 busiest volumes only, by bytes and operations', async () => {
  const names = Array.from({ length: 100 }, (_, index) => `v-${index}`);
  const idle = names.map((name) => on(name, useOf()));
  const busy = names.map((name, index) => on(name, useOf({ writtenBytes: BigInt(index) * 30n * MiB })));
  const [, told = {}] = await afterLooks(
    [...idle, on('small', useOf())],
    [...busy, on('small', useOf({ reads: 3_000_000n }))],
  );
  expect(Object.keys(told)).toHaveLength(64);
  expect(Object.keys(told).slice(0, 2)).toEqual(['a:small', 'a:v-99']);
});

test('the counters are read twice a minute, however often it is asked', async () => {
  let reads = 0;
  const busiest = new BusiestVolumes(async () => [on('db', useOf({ reads: BigInt(3000 * reads++) }))]);
  await busiest.at(0);
  await busiest.at(10_000);
  const told = await busiest.at(30_000);
  expect(await busiest.at(40_000)).toBe(told);
  expect([reads, told.get(idOf('db'))]).toEqual([2, { readIops: 100n }]);
});
