import { type RateKey, rateKeys, type Rates, type Use } from '../domain/qos.ts';
import type { DeviceRates } from './rates.ts';

/** The keys of the rates in `io.max` of cgroup v2. */
const words = {
  readBandwidth: 'rbps',
  writeBandwidth: 'wbps',
  readIops: 'riops',
  writeIops: 'wiops',
} as const satisfies Record<RateKey, string>;

/** The file of cgroup v1 for each rate. */
export const throttleFiles = {
  readBandwidth: 'blkio.throttle.read_bps_device',
  writeBandwidth: 'blkio.throttle.write_bps_device',
  readIops: 'blkio.throttle.read_iops_device',
  writeIops: 'blkio.throttle.write_iops_device',
} as const satisfies Record<RateKey, string>;

/** `253:0 rbps=max wbps=1048576 riops=max wiops=500`. Names all four keys, because the kernel keeps those that are left out. */
export function printIoMax(device: string, rates: Rates): string {
  return [device, ...rateKeys.map((key) => `${words[key]}=${rates[key] ?? 'max'}`)].join(' ');
}

export function parseIoMax(text: string): DeviceRates {
  return new Map(
    [...keyedLines(text)].map(([device, values]) => {
      const rates: Partial<Record<RateKey, bigint>> = {};
      for (const key of rateKeys) {
        const value = values.get(words[key]);
        if (value !== undefined) rates[key] = value;
      }
      return [device, rates];
    }),
  );
}

/** A line of a cgroup v1 file: `253:0 500`; 0 clears the limit. */
export function printThrottle(device: string, rate: bigint | undefined): string {
  return `${device} ${rate ?? 0n}`;
}

export function parseThrottle(text: string): Map<string, bigint> {
  return new Map([...text.matchAll(/^(\d+:\d+) (\d+)$/gm)].map((match) => [match[1] ?? '', BigInt(match[2] ?? 0)]));
}

/** `io.stat` of cgroup v2. */
export function parseIoStat(text: string): Map<string, Use> {
  return new Map(
    [...keyedLines(text)].map(([device, values]) => {
      const of = (word: string): bigint => values.get(word) ?? 0n;
      return [device, { readBytes: of('rbytes'), writtenBytes: of('wbytes'), reads: of('rios'), writes: of('wios') }];
    }),
  );
}

/** `blkio.throttle.io_service_bytes` and `blkio.throttle.io_serviced` of cgroup v1: `253:0 Read 4096`. */
export function parseBlkioStat(bytes: string, operations: string): Map<string, Use> {
  const [moved, done] = [directions(bytes), directions(operations)];
  return new Map(
    [...new Set([...moved.keys(), ...done.keys()])].map((device) => {
      const [amounts, counts] = [moved.get(device), done.get(device)];
      return [
        device,
        {
          readBytes: amounts?.get('Read') ?? 0n,
          writtenBytes: amounts?.get('Write') ?? 0n,
          reads: counts?.get('Read') ?? 0n,
          writes: counts?.get('Write') ?? 0n,
        },
      ];
    }),
  );
}

/** `253:0 a=1 b=max`: the numbers by key. Leaves out values that are not numbers. */
function* keyedLines(text: string): Generator<[string, Map<string, bigint>]> {
  for (const line of text.split('\n')) {
    const match = /^(\d+:\d+)((?: \w+=\w+)+)$/.exec(line.trimEnd());
    if (!match) continue;
    const values = [...(match[2] ?? '').matchAll(/(\w+)=(\d+)(?= |$)/g)];
    yield [match[1] ?? '', new Map(values.map(([, word, value]) => [word ?? '', BigInt(value ?? 0)]))];
  }
}

function directions(text: string): Map<string, Map<string, bigint>> {
  const devices = new Map<string, Map<string, bigint>>();
  for (const [, device = '', direction = '', value = '0'] of text.matchAll(/^(\d+:\d+) (Read|Write) (\d+)$/gm)) {
    const known = devices.get(device) ?? new Map<string, bigint>();
    devices.set(device, known.set(direction, BigInt(value)));
  }
  return devices;
}
