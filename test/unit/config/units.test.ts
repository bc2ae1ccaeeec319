import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseCount, parseDuration, parsePercent, parseRatio } from '../../../src/config/units.ts';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const parsers = { parseDuration, parsePercent, parseCount, parseRatio };

describe('a duration', () => {
  test('is a whole number and a unit', () => {
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    fc.assert(
      fc.property(fc.nat(999_999_999), unit, (amount, name) => {
        expect(parseDuration(`${amount}${name}`)).toBe(amount * units[name]);
      }),
    );
  });

  test.each(['30', '', 's', '-1s', '1.5s', '1 s', '1S', '1m30s', '1d', '1s\n', '١s'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('a percentage', () => {
  test('means the same with and without the sign', () => {
    fc.assert(
      fc.property(fc.nat(999_999_999), (value) => {
        expect(parsePercent(`${value}%`)).toBe(value);
        expect(parsePercent(`${value}`)).toBe(value);
      }),
    );
  });

  test.each(['', '%', '0.8', '80.5%', '80 %', '-1%', '80%%', '1e2'])('%j is none', (text) => {
    expect(parsePercent(text)).toBeUndefined();
  });
});

test('a ratio may have a decimal point, a count may not', () => {
  expect(parseRatio('1.5')).toBe(1.5);
  expect(parseRatio('.5')).toBeUndefined();
  expect(parseRatio('1e3')).toBeUndefined();
  expect(parseCount('12')).toBe(12);
  expect(parseCount('1.0')).toBeUndefined();
});

test.each(Object.entries(parsers))(
  '%s returns a finite number of at least zero, or undefined, for any text',
  (_, parse) => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9.e%msh ]{0,12}$/));
    fc.assert(
      fc.property(text, (input) => {
        const value = parse(input);
        expect(value === undefined || (Number.isFinite(value) && value >= 0)).toBe(true);
      }),
    );
  },
);
