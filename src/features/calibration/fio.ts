import * as z from 'zod';
import { Failure } from '../../domain/errors.ts';
import type { RateKey } from '../../domain/qos.ts';

/** How each rate is measured: operations as a database makes them, bytes as a copy does. */
const patterns = {
  readIops: { rw: 'randread', blockSize: '4k' },
  writeIops: { rw: 'randwrite', blockSize: '4k' },
  readBandwidth: { rw: 'read', blockSize: '1M' },
  writeBandwidth: { rw: 'write', blockSize: '1M' },
} as const satisfies Record<RateKey, { rw: string; blockSize: string }>;

/** Past the page cache, 32 requests at a time. A device that is gone is an error, not a new file. One process: it is killed as a whole. */
const common = [
  '--direct=1',
  '--ioengine=libaio',
  '--iodepth=32',
  '--allow_file_create=0',
  '--output-format=json',
  '--thread',
];

/** One measurement on the device. */
export function measureArguments(key: RateKey, device: string, seconds: number): string[] {
  const { rw, blockSize } = patterns[key];
  const duration = ['--time_based', `--runtime=${seconds}`, '--randrepeat=0', '--norandommap'];
  return [`--name=${key}`, `--filename=${device}`, `--rw=${rw}`, `--bs=${blockSize}`, ...common, ...duration];
}

/** Writes the device once from end to end: what was never written is read without touching a disk. */
export function fillArguments(device: string): string[] {
  return ['--name=fill', `--filename=${device}`, '--rw=write', '--bs=1M', ...common];
}

const side = z.object({ iops: z.number(), bw_bytes: z.number() });
const output = z.object({ jobs: z.array(z.object({ error: z.number(), read: side, write: side })).length(1) });

/** Operations or bytes a second that fio's output tells of. Throws `unavailable` where it tells of none. */
export function parseRateOf(key: RateKey, stdout: string): bigint {
  const [job] = read(stdout).jobs;
  const measured = key.startsWith('read') ? job?.read : job?.write;
  const rate = Math.floor((key.endsWith('Iops') ? measured?.iops : measured?.bw_bytes) ?? 0);
  if (job?.error !== 0) throw new Failure('unavailable', `fio met error ${job?.error} while it measured ${key}`);
  if (rate < 1) throw new Failure('unavailable', `fio did nothing in the time for ${key}: measure longer`);
  return BigInt(rate);
}

/** fio writes its warnings before the document. */
function read(stdout: string): z.output<typeof output> {
  try {
    return output.parse(JSON.parse(stdout.slice(stdout.indexOf('{'))));
  } catch (cause) {
    throw new Failure('unavailable', `fio's output is not what was expected: ${stdout.slice(0, 200)}`, { cause });
  }
}
