import * as z from 'zod';
import { Failure } from '../../domain/errors.ts';
import type { RateKey } from '../../domain/qos.ts';

/** The I/O pattern for each rate: operations like a database's, bytes like a copy's. */
const patterns = {
  readIops: { rw: 'randread', blockSize: '4k' },
  writeIops: { rw: 'randwrite', blockSize: '4k' },
  readBandwidth: { rw: 'read', blockSize: '1M' },
  writeBandwidth: { rw: 'write', blockSize: '1M' },
} as const satisfies Record<RateKey, { rw: string; blockSize: string }>;

/** Without the page cache, 32 requests at a time. A missing device is an error, not a new file. One process, so that a kill ends all of it. */
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

/** Writes the whole device once: a read of an unwritten block does not reach a disk. */
export function fillArguments(device: string): string[] {
  return ['--name=fill', `--filename=${device}`, '--rw=write', '--bs=1M', ...common];
}

const side = z.object({ iops: z.number(), bw_bytes: z.number() });
const output = z.object({ jobs: z.array(z.object({ error: z.number(), read: side, write: side })).length(1) });

/** Operations or bytes a second from fio's output. Throws `unavailable` if it has none. */
export function parseRateOf(key: RateKey, stdout: string): bigint {
  const [job] = read(stdout).jobs;
  const measured = key.startsWith('read') ? job?.read : job?.write;
  const rate = Math.floor((key.endsWith('Iops') ? measured?.iops : measured?.bw_bytes) ?? 0);
  if (job?.error !== 0) throw new Failure('unavailable', `fio ended with error ${job?.error} while it measured ${key}`);
  if (rate < 1) throw new Failure('unavailable', `fio completed no I/O while it measured ${key}: measure longer`);
  return BigInt(rate);
}

/** fio writes its warnings before the document. */
function read(stdout: string): z.output<typeof output> {
  try {
    return output.parse(JSON.parse(stdout.slice(stdout.indexOf('{'))));
  } catch (cause) {
    throw new Failure('unavailable', `cannot parse fio's output: ${stdout.slice(0, 200)}`, { cause });
  }
}
