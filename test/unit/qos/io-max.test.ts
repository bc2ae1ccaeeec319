import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseBlkioStat,
  parseIoMax,
  parseIoStat,
  parseThrottle,
  printIoMax,
  printThrottle,
} from '../../../src/qos/io-max.ts';
import { anyDevice, anyRates } from './arbitrary.ts';

describe('io.max', () => {
  test('writes all four rates to io.max, so that no old rate stays', () =>
    expect(printIoMax('253:259', { readIops: 500n, writeBandwidth: 1048576n })).toBe(
      '253:259 riops=500 wiops=max rbps=max wbps=1048576',
    ));

  test('reads io.max in the order of the kernel', () =>
    expect(
      parseIoMax('253:0 rbps=max wbps=1048576 riops=500 wiops=max\n8:16 rbps=1 wbps=max riops=max wiops=max\n'),
    ).toEqual(
      new Map([
        ['253:0', { writeBandwidth: 1048576n, readIops: 500n }],
        ['8:16', { readBandwidth: 1n }],
      ]),
    ));

  test('reads back any devices and rates that it wrote to io.max', () =>
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(anyDevice, anyRates), { selector: ([device]) => device }), (entries) => {
        const text = entries.map(([device, rates]) => `${printIoMax(device, rates)}\n`).join('');
        expect(parseIoMax(text)).toEqual(new Map(entries));
      }),
    ));

  test('reads nothing from any other text, without an error', () =>
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseIoMax(text.replaceAll(':', ''))).toEqual(new Map());
      }),
    ));
});

describe('blkio.throttle', () => {
  test('clears a limit of cgroup v1 with 0', () => {
    expect(printThrottle('253:0', undefined)).toBe('253:0 0');
    expect(printThrottle('253:0', 7n)).toBe('253:0 7');
  });
  test('reads the limits of cgroup v1 by device', () =>
    expect(parseThrottle('253:0 500\n8:16 18446744073709551615\n')).toEqual(
      new Map([
        ['253:0', 500n],
        ['8:16', 18446744073709551615n],
      ]),
    ));
});

test('reads io.stat of kernels with fewer or more counters', () =>
  expect(parseIoStat('253:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n8:0 rbytes=9\n8:16 \n')).toEqual(
    new Map([
      ['253:0', { readBytes: 1n, writtenBytes: 2n, reads: 3n, writes: 4n }],
      ['8:0', { readBytes: 9n, writtenBytes: 0n, reads: 0n, writes: 0n }],
    ]),
  ));

test('reads the statistics of cgroup v1 from two files', () =>
  expect(
    parseBlkioStat(
      '253:0 Read 4096\n253:0 Write 8192\n253:0 Sync 1\n253:0 Total 12288\nTotal 12288\n',
      '253:0 Read 1\n253:0 Write 2\nTotal 3\n',
    ),
  ).toEqual(new Map([['253:0', { readBytes: 4096n, writtenBytes: 8192n, reads: 1n, writes: 2n }]])));

test('counts nothing for a direction that the statistics of cgroup v1 lack', () =>
  expect(parseBlkioStat('253:0 Read 1\n8:0 Write 2\n', '8:0 Read 3\n8:16 Write 4\n')).toEqual(
    new Map([
      ['253:0', { readBytes: 1n, writtenBytes: 0n, reads: 0n, writes: 0n }],
      ['8:0', { readBytes: 0n, writtenBytes: 2n, reads: 3n, writes: 0n }],
      ['8:16', { readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 4n }],
    ]),
  ));

test('reads whole lines only', () => {
  expect(parseIoMax('x8:0 rbps=1\n8:16 rbps=1 x\n8:32 rbps=1x\n')).toEqual(new Map([['8:32', {}]]));
  expect(parseThrottle('x8:0 1\n8:16 1 x\n')).toEqual(new Map());
  expect(parseBlkioStat('x8:0 Read 1\n8:16 Read 1 x\n', '')).toEqual(new Map());
});
