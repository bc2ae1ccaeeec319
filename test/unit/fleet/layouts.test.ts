import { expect, test } from 'vitest';
import { readLayout } from '../../../src/fleet/wire/layouts.ts';

test('a layout with more copies or stripes than LVM makes is refused', () => {
  const thick = (stripes: number, mirrors: number) => readLayout({ thick: { stripes, mirrors, stripeSize: '65536' } });
  expect(thick(128, 9)).toEqual({ type: 'thick', stripes: 128, mirrors: 9, stripeSize: 65_536n });
  expect(() => thick(129, 0)).toThrow('the number of stripes');
  expect(() => thick(0, 0)).toThrow('the number of stripes');
  expect(() => thick(1, 10)).toThrow('the number of mirrors');
});
