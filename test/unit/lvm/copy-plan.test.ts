import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KiB, MiB } from '../../../src/domain/bytes.ts';
import { planCopy, WrittenMap } from '../../../src/lvm/copies/copy-plan.ts';

const block = 64n * KiB;
const size = 512n * block;

function mapOf(...runs: readonly (readonly [number, number])[]): WrittenMap {
  const map = new WrittenMap(size);
  for (const [at, count] of runs) map.add({ start: BigInt(at) * block, length: BigInt(count) * block });
  return map;
}
const part = (at: number, count: number, content: 'source' | 'zeros', each = MiB) => ({
  start: BigInt(at) * block,
  length: BigInt(count) * block,
  content,
  block: each,
});
const plan = (map: WrittenMap | undefined, sparse: boolean, from = 0, to = 512) =>
  planCopy(map, BigInt(from) * block, BigInt(to) * block, sparse);

test('all of a source without a map is copied', () => {
  expect(plan(undefined, true)).toEqual([part(0, 512, 'source')]);
  expect(plan(undefined, false, 16, 32)).toEqual([part(16, 16, 'source')]);
});

test('what was never written is left out, or zeroed where the target may hold old data', () => {
  const map = mapOf([4, 2], [6, 1], [100, 10]);
  expect(plan(map, true)).toEqual([part(4, 3, 'source'), part(100, 10, 'source')]);
  expect(plan(map, false)).toEqual([
    part(0, 4, 'zeros'),
    part(4, 3, 'source'),
    part(7, 93, 'zeros'),
    part(100, 10, 'source'),
    part(110, 402, 'zeros'),
  ]);
  expect(plan(map, true, 5, 104)).toEqual([part(5, 2, 'source'), part(100, 4, 'source')]);
  expect(plan(mapOf(), true)).toEqual([]);
  expect(plan(mapOf(), false)).toEqual([part(0, 512, 'zeros')]);
});

test('blocks far apart are read by one program, in small blocks', () => {
  const map = mapOf(...Array.from({ length: 9 }, (_, index) => [10 + index * 3, 1] as const));
  expect(plan(map, true)).toEqual([part(10, 25, 'source', block)]);
});

test('each written byte is copied and each other byte of a target with old data is zeroed, once', () => {
  const runs = fc.array(fc.tuple(fc.nat(511), fc.integer({ min: 1, max: 40 })), { maxLength: 12 });
  fc.assert(
    fc.property(runs, fc.boolean(), fc.nat(511), fc.integer({ min: 1, max: 200 }), (given, sparse, from, length) => {
      const within = given.map(([at, count]) => [at, Math.min(count, 512 - at)] as const);
      const to = Math.min(512, from + length);
      const made = Array.from({ length: 512 }, () => '');
      for (const { start, length: bytes, content } of plan(mapOf(...within), sparse, from, to))
        for (let at = Number(start / block); at < Number((start + bytes) / block); at++) made[at] += content;
      for (let at = 0; at < 512; at++) {
        const written = within.some(([first, count]) => at >= first && at < first + count);
        const inside = at >= from && at < to;
        if (!inside) expect(made[at]).toBe('');
        else if (written) expect(made[at]).toBe('source');
        else expect(sparse ? ['', 'source'] : ['zeros', 'source']).toContain(made[at]);
      }
    }),
    { numRuns: 100 },
  );
});

test('the map of a huge volume has a bound, and leaves out nothing', () => {
  const huge = 16n * 1024n * 1024n * MiB;
  const map = new WrittenMap(huge);
  map.add({ start: huge - block, length: block });
  const [run] = map.runs(huge - 64n * MiB, huge);
  expect(run && run.start <= huge - block && run.start + run.length === huge).toBe(true);
  expect([...map.runs(0n, huge - 64n * MiB)]).toEqual([]);
});
