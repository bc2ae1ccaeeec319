import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { fillArguments, measureArguments, parseRateOf } from '../../../../src/features/calibration/fio.ts';
import { budgetLines, roundRate, spreadOf } from '../../../../src/features/calibration/summary.ts';
import { GiB, KiB, MiB } from '../../../../src/domain/bytes.ts';
import { rateKeys } from '../../../../src/domain/qos.ts';
import { parseRate } from '../../../../src/domain/qos-parameters.ts';

const side = (iops: number) => ({ io_bytes: 1, bw_bytes: Math.floor(iops * 4096), bw: iops * 4, iops });
const outputOf = (over: object = {}) =>
  JSON.stringify({ 'fio version': 'fio-3.39', jobs: [{ error: 0, read: side(1234.9), write: side(56.7), ...over }] });

describe("fio's output", () => {
  it('gives each rate', () => {
    const rates = rateKeys.map((key) => parseRateOf(key, outputOf()));
    expect(rates).toEqual([1234n, 56n, 5_058_150n, 232_243n]);
  });

  it('may begin with warnings', () =>
    expect(parseRateOf('readIops', `fio: this platform lacks something\n${outputOf()}`)).toBe(1234n));

  it.each([
    ['', 'cannot parse'],
    ['fio: no such file', 'cannot parse'],
    ['{"jobs": []}', 'cannot parse'],
    [outputOf({ error: 5 }), 'fio ended with error 5'],
    [outputOf({ read: side(0.4) }), 'completed no I/O'],
  ])('%s gives no rate', (text, reason) => {
    expect(() => parseRateOf('readIops', text)).toThrow(expect.objectContaining({ kind: 'unavailable' }));
    expect(() => parseRateOf('readIops', text)).toThrow(reason);
  });
});

test('fio makes no file and bypasses the page cache', () => {
  for (const argv of [fillArguments('/dev/x'), ...rateKeys.map((key) => measureArguments(key, '/dev/x', 7))]) {
    expect(argv).toEqual(expect.arrayContaining(['--filename=/dev/x', '--direct=1', '--allow_file_create=0']));
  }
});

describe('the lines to paste', () => {
  it('have the rates of the worst round, rounded down', () =>
    expect(
      budgetLines({
        readIops: [14_002n, 13_651n, 15_000n],
        writeIops: [8283n],
        readBandwidth: [2n * GiB, (3n * GiB) / 2n],
        writeBandwidth: [9n * MiB + 700n * KiB],
      }),
    ).toBe('budget:\n  readIops: 13k\n  writeIops: 8200\n  readBandwidth: 1500Mi\n  writeBandwidth: 9900Ki\n'));

  it('are valid in the configuration, and at most 10 % below the measured rates', () =>
    fc.assert(
      fc.property(fc.constantFrom(...rateKeys), fc.bigInt(1n, 10n ** 12n), (key, rate) => {
        const read = parseRate(roundRate(key, rate)) ?? 0n;
        expect(read).toBeLessThanOrEqual(rate);
        expect(Number(read)).toBeGreaterThan(Number(rate) * 0.82);
      }),
    ));
});

test('the spread does not depend on the order of the rounds', () => {
  expect(spreadOf([30n, 10n, 20n])).toEqual({ least: 10n, median: 20n, most: 30n, percent: 100 });
  expect(spreadOf([7n])).toEqual({ least: 7n, median: 7n, most: 7n, percent: 0 });
});
