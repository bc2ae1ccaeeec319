import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatExactly,
  parseBytes,
  parseSizeRange,
  roundDown,
  roundUp,
} from '../../../src/domain/bytes.ts';

const size = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const unit = fc.bigInt({ min: 1n, max: 2n ** 40n });

describe('parseBytes', () => {
  it.each([
    ['0', 0n],
    ['512', 512n],
    ['64Ki', 65_536n],
    ['1.5Gi', 1_610_612_736n],
    ['2G', 2_000_000_000n],
    ['1k', 1000n],
    ['1Pi', 2n ** 50n],
  ])('reads %s', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each(['', '-1', '1KiB', '1.0000001Ki', '1e3', ' 1', '1 Gi', 'Gi', '0x10', '1.', '.5Gi'])('refuses "%s"', (text) =>
    expect(parseBytes(text)).toBeUndefined(),
  );

  it('reads every whole number as that many bytes', () =>
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), (n) => parseBytes(String(n)) === n)));
});

describe('formatBytes', () => {
  it.each([
    [0n, '0 B'],
    [1023n, '1023 B'],
    [1024n, '1 KiB'],
    [1536n, '1.5 KiB'],
    [3n * 2n ** 30n, '3 GiB'],
    [2n ** 43n, '8 TiB'],
  ])('%s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('formatExactly', () => {
  it.each([
    [0n, '0 B'],
    [1025n, '1025 B'],
    [1536n, '1536 B'],
    [1536n * 1024n, '1536 KiB'],
    [2n ** 40n, '1 TiB'],
  ])('%s', (bytes, text) => expect(formatExactly(bytes)).toBe(text));
});

describe('rounding', () => {
  it('returns the nearest multiple above or below', () =>
    fc.assert(
      fc.property(size, unit, (n, u) => {
        expect(roundUp(n, u) % u).toBe(0n);
        expect(roundDown(n, u) % u).toBe(0n);
        expect(roundUp(n, u) - n).toBeLessThan(u);
        expect(n - roundDown(n, u)).toBeLessThan(u);
      }),
    ));
});

describe('parseSizeRange', () => {
  it('reads zero, empty and absent as not given', () => {
    expect(parseSizeRange(undefined)).toEqual({ required: 0n, limit: undefined });
    expect(parseSizeRange({ requiredBytes: '0', limitBytes: '0' })).toEqual({ required: 0n, limit: undefined });
  });
  it.each([
    [{ requiredBytes: '2', limitBytes: '1' }, /more than limit_bytes/],
    [{ requiredBytes: '-1', limitBytes: '0' }, /required_bytes is -1/],
    [{ requiredBytes: '0', limitBytes: '9223372036854775808' }, /limit_bytes/],
  ])('refuses %o', (range, message) => expect(() => parseSizeRange(range)).toThrow(message));
});
