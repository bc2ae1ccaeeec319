import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeDeviceNumber } from '../../../src/kernel/block-device.ts';

test('decodes device numbers', () => {
  expect(decodeDeviceNumber(0x801n)).toBe('8:1');
  // The C library's makedev(3), with all 32 bits of both.
  const word = fc.bigInt({ min: 0n, max: 0xffffffffn });
  fc.assert(
    fc.property(word, word, (major, minor) => {
      const rdev =
        ((major & 0xfffff000n) << 32n) | ((major & 0xfffn) << 8n) | ((minor & 0xffffff00n) << 12n) | (minor & 0xffn);
      expect(decodeDeviceNumber(rdev)).toBe(`${major}:${minor}`);
    }),
  );
});
