import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cacheCuts, honestCuts, inRounds, spread } from '../../replay/cuts.ts';
import type { Entry } from '../../replay/log-format.ts';
import { createRandom } from '../../storm/random.ts';

const entry = (kind: Entry['kind'], more: Partial<Entry> = {}): Entry => ({
  kind,
  sector: 0,
  sectors: 1,
  durable: false,
  data: 0,
  label: '',
  ...more,
});
const [write, flush, durable] = [entry('write'), entry('flush'), entry('write', { durable: true })];
const mark = (label: string) => entry('mark', { label });
const random = () => createRandom(7, 0);

const log = [write, flush, mark('begin'), write, write, flush, durable, mark('answered'), write, flush, mark('end')];

describe('a disk without a cache', () => {
  test('is cut before the operation, after each write of it, and when it was answered', () => {
    expect(honestCuts(log).map(({ prefix, acknowledged }) => [prefix, acknowledged])).toEqual([
      [2, false],
      [4, false],
      [5, false],
      [7, false],
      [9, false],
      [10, true],
    ]);
  });

  test('needs all marks', () => {
    expect(() => honestCuts(log.slice(0, -1))).toThrow('the log has no mark "end"');
  });
});

describe('a disk that loses its cache', () => {
  const middle = fc.array(fc.constantFrom(write, flush, durable), { maxLength: 30 });
  const anyLog = fc
    .tuple(middle, middle, middle)
    .map(([before, during, after]) =>
      before.concat(mark('begin'), during, mark('answered'), after, flush, mark('end')),
    );

  test('keeps what was flushed, and what is durable after all that was written before it', () => {
    fc.assert(
      fc.property(anyLog, fc.nat(), (entries, seed) => {
        for (const { prefix, further } of cacheCuts(entries, createRandom(seed, 0), 20)) {
          const last = Math.max(prefix, ...further);
          const later = entries.slice(prefix, last);
          expect(later.some(({ kind }) => kind === 'flush')).toBe(false);
          expect(new Set(further).size).toBe(further.length);
          for (const [offset, { durable: sure }] of later.entries()) {
            const place = further.indexOf(prefix + offset);
            if (sure) expect(place).not.toBe(-1);
            if (sure)
              for (const [at, index] of further.entries())
                expect(at < place).toBe(index < prefix + offset && at !== place);
          }
        }
      }),
    );
  });

  test('keeps writes in any order, and often in theirs', () => {
    const cuts = cacheCuts([mark('begin'), write, write, write, mark('answered'), flush, mark('end')], random(), 4000);
    const orders = new Set(cuts.map(({ further }) => further.join('')));
    for (const order of ['123', '132', '213', '231', '312', '321']) expect(orders).toContain(order);
    const whole = cuts.filter(({ further }) => further.length === 3).map(({ further }) => further.join(''));
    expect(whole.filter((order) => order === '123').length).toBeGreaterThan(whole.length / 3);
  });

  test('has all that was flushed before the answer once it was answered', () => {
    fc.assert(
      fc.property(anyLog, fc.nat(), (entries, seed) => {
        const answered = entries.findIndex(({ label }) => label === 'answered');
        for (const cut of cacheCuts(entries, createRandom(seed, 0), 20)) {
          expect(cut.acknowledged).toBe(cut.prefix > answered);
        }
      }),
    );
  });

  test('loses writes that were not flushed', () => {
    const [begin] = [log.findIndex(({ label }) => label === 'begin')];
    const lost = cacheCuts(log, random(), 200).filter(
      ({ prefix, further }) => prefix === begin + 1 && further.length === 1,
    );
    expect(new Set(lost.map(({ further }) => further[0]))).toEqual(new Set([3, 4]));
  });
});

describe('the cuts of an operation', () => {
  const cuts = (count: number) =>
    Array.from({ length: count }, (_, prefix) => ({ prefix, further: [], acknowledged: prefix === count - 1 }));

  test('are played in rounds, each cut in one of them, and the answered one in the first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 40 }), (count, first) => {
        const rounds = inRounds(cuts(count), first);
        expect(rounds.flat().toSorted((one, other) => one.prefix - other.prefix)).toEqual(cuts(count));
        expect(rounds[0]?.at(-1)?.acknowledged).toBe(true);
        expect(rounds.every((round) => round.length > 0)).toBe(true);
      }),
    );
    expect(inRounds(cuts(100), 4).map(({ length }) => length)).toEqual([5, 16, 79]);
  });

  test('are a few that the seed chooses, with the answered one', () => {
    const some = spread(cuts(100), 5, random());
    expect(some).toHaveLength(5);
    expect(some.at(-1)?.acknowledged).toBe(true);
    expect(spread(cuts(2), 5, random()).length).toBeLessThanOrEqual(2);
  });
});
