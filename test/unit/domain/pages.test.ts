import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageOf, pageSize } from '../../../src/domain/pages.ts';

const ids = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 }), { maxLength: 30 }).map((list) => list.sort());
const page = (list: readonly string[], token: string, most: number) => pageOf(list, (id) => id, token, most);

describe('pageOf', () => {
  it('returns every entry once, for any size of a page', () =>
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 7 }), (list, most) => {
        const seen: string[] = [];
        for (let token = ''; ;) {
          const { items, nextToken } = page(list, token, most);
          seen.push(...items);
          if (nextToken === '') break;
          token = nextToken;
        }
        expect(seen).toEqual(list);
      }),
    ));

  it('returns all remaining entries without a size', () => {
    const { nextToken } = page(['a', 'b', 'c'], '', 1);
    expect(page(['a', 'b', 'c'], nextToken, 0)).toEqual({ items: ['b', 'c'], nextToken: '' });
  });

  it('continues after an entry that was deleted meanwhile, and returns a new one', () => {
    const { nextToken } = page(['a', 'b', 'd'], '', 2);
    expect(page(['a', 'c', 'd'], nextToken, 0).items).toEqual(['c', 'd']);
  });

  it.each(['invalid-token', '2.a', '1.%', '1'])('refuses the token "%s"', (token) =>
    expect(() => page(['a'], token, 0)).toThrow(/starting_token/),
  );

  it('refuses a negative size', () => expect(() => page([], '', -1)).toThrow(/max_entries/));
});

it('a page fits into a message for any requested size', () => {
  // An id has 127 bytes at most; the topology has a driver name, a key and a node name of 63 each.
  const largestEntry = 400;
  for (const asked of [0, 1_000_000]) expect(pageSize(asked) * largestEntry).toBeLessThan(4 * 1024 * 1024);
  expect(pageSize(0)).toBeGreaterThan(1000);
  expect(pageSize(5)).toBe(5);
  expect(pageSize(-1)).toBe(-1);
});
