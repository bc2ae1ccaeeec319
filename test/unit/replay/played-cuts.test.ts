import { describe, expect, test } from 'vitest';
import { areasOf, regionsOf } from '../../replay/areas.ts';
import type { Entry } from '../../replay/log-format.ts';
import { PlayedCuts } from '../../replay/played-cuts.ts';

const write = (sector: number, sectors: number): Entry => ({
  kind: 'write',
  sector,
  sectors,
  durable: false,
  data: 0,
  label: '',
});
const terms = { acknowledged: false, decided: false };
const bytes = (...areas: string[]) => new Map(areas.entries());

describe('the areas of a write', () => {
  test('are all that it touches, even in part', () => {
    expect(areasOf(write(7, 2))).toEqual([0, 1]);
    expect(areasOf(write(8, 8))).toEqual([1]);
    expect(areasOf(write(15, 10))).toEqual([1, 2, 3]);
  });

  test('are none for a flush or a discard', () => {
    expect(areasOf({ ...write(0, 0), kind: 'flush' })).toEqual([]);
    expect(areasOf({ ...write(0, 8), kind: 'discard' })).toEqual([]);
  });

  test('are counted in one region if they are near, and in two if they are not', () => {
    expect(regionsOf([7, 3, 3, 4])).toEqual([{ first: 3, length: 5 }]);
    expect(regionsOf([3, 3 + 2048, 3 + 2048 + 2050])).toEqual([
      { first: 3, length: 2049 },
      { first: 4101, length: 1 },
    ]);
  });
});

describe('a cut need not be played', () => {
  test('if all that was read after an earlier one is the same', () => {
    const played = new PlayedCuts();
    played.add(terms, bytes('a', 'b', 'c'), [0, 2]);
    expect(played.has(terms, bytes('a', 'other', 'c'))).toBe(true);
    expect(played.has(terms, bytes('a', 'b', 'other'))).toBe(false);
  });

  test('if it was played with the stricter expectation, and not with the weaker', () => {
    const acknowledged = { ...terms, acknowledged: true };
    const [strict, weak] = [new PlayedCuts(), new PlayedCuts()];
    strict.add(acknowledged, bytes('a'), [0]);
    weak.add(terms, bytes('a'), [0]);
    expect(strict.has(terms, bytes('a'))).toBe(true);
    expect(weak.has(acknowledged, bytes('a'))).toBe(false);
  });

  test('only if a person may decide in both, or in neither', () => {
    const played = new PlayedCuts();
    played.add(terms, bytes('a'), [0]);
    expect(played.has({ ...terms, decided: true }, bytes('a'))).toBe(false);
  });

  test('unless it is a control, as one of fifty is', () => {
    const played = new PlayedCuts();
    const due = Array.from({ length: 100 }, () => played.controlIsDue());
    expect(due.filter(Boolean)).toHaveLength(2);
    expect(due[49]).toBe(true);
  });
});
