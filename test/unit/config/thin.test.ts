import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';

const parse = (thin: string) =>
  parseConfig(`pools: [{name: fast, volumeGroup: vg0, type: thin, thin: {${thin}}}]`, { hostname: 'host-1' });

test('a thin pool lets writes wait or fail when it is full, or is left as LVM has it', () => {
  const whenFull = (thin: string) => parse(thin).pools[0]?.thin?.whenFull;
  expect(['whenFull: queue', 'whenFull: error', 'share: 50%'].map(whenFull)).toEqual(['queue', 'error', undefined]);
  expect(() => parse('whenFull: wait')).toThrow('pools[0].thin.whenFull: must be one of queue, error');
});
