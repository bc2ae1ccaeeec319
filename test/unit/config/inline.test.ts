import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';

const parse = (inline: string) =>
  parseConfig(`inline: ${inline}\npools: [{name: fast, volumeGroup: vg, type: thin}]`, { hostname: 'host-1' }).inline;

test('reads the bounds of inline volumes', () => {
  expect(parse('{pools: [fast], maxSize: 5Gi}')).toEqual({ pools: ['fast'], maxSize: 5n * 1024n ** 3n });
});

test('names every unknown pool of inline volumes, and a size that is too small', () => {
  const problems =
    /maxSize: must be between 1 MiB[^]*pools\[1\]: "slow" is none of the pools fast[^]*pools\[2\]: "none"/;
  expect(() => parse('{pools: [fast, slow, none], maxSize: 1Ki}')).toThrow(problems);
});
