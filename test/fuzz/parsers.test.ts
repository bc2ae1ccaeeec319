import { expect, test } from 'vitest';
import { feed } from '../parsers/feed.ts';
import { problemOf } from '../parsers/parser.ts';
import { expectNone, seedsOf } from '../support/long-run.ts';

test.for(seedsOf('parsers'))(
  'changed bytes of other programs, disks and users are read or refused: npm run parsers -- --seed %d --inputs 50000',
  { timeout: 300_000 },
  async (seed) => {
    const { findings } = await feed({ seed, until: Number.POSITIVE_INFINITY, most: 50_000 });
    expectNone(findings);
  },
);

test('a parser that throws what it does not say, or makes something wrong, is a finding', () => {
  const parser = { name: 'it', examples: [], check: () => undefined, mayThrow: () => false };
  const input = Buffer.from('x');
  const fails = () => {
    throw new TypeError('no such property');
  };
  expect(problemOf(parser, input)).toBeUndefined();
  expect(problemOf({ ...parser, check: () => 'a size below zero' }, input)).toBe('it: a size below zero, of eA==');
  expect(problemOf({ ...parser, check: fails }, input)).toContain('it throws TypeError: no such property');
  expect(problemOf({ ...parser, check: fails, mayThrow: () => true }, input)).toBeUndefined();
});
