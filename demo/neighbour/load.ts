import type { ExecResult, Process } from '../../lab/process.ts';
import type { Pod } from './pod.ts';

/** Rates are per second; `p99` is milliseconds from the request of a block to its arrival. */
export interface Measured {
  readonly reads: number;
  readonly p99: number;
  /** Bytes of the writer. */
  readonly written: number;
}

export interface Load {
  readonly database: Pod;
  /** Reads a second that the database requests; absent: as many as possible. */
  readonly pace?: number;
  readonly writer?: Pod;
}

const seconds = 5;
const common = ['--direct=1', '--ioengine=libaio', '--time_based', '--ramp_time=1', '--output-format=json'];
const reading = ['--name=database', '--rw=randread', '--bs=4k', '--iodepth=4', '--size=256m'];
const writing = ['--name=writer', '--rw=write', '--bs=1M', '--iodepth=32', '--size=768m'];

/** Lets the database read for a while, during the writer's run if there is a writer. */
export async function measure({ database, pace, writer }: Load): Promise<Measured> {
  const writes = writer && (await startWriter(writer));
  const rate = pace === undefined ? [] : [`--rate_iops=${pace}`];
  const reader = await database.exec(fio(database, seconds, [...reading, ...rate]));
  const read = jobOf(reader).read;
  const written = writes ? jobOf(await writes.exited).write.bw_bytes : 0;
  return { reads: read.iops, p99: read.clat_ns.percentile['99.000000'] / 1e6, written };
}

async function startWriter(writer: Pod): Promise<Process> {
  await writer.exec(['fallocate', '-l', '768M', writer.file]);
  return writer.start(fio(writer, seconds + 2, writing));
}

function fio({ file }: Pod, runtime: number, options: readonly string[]): string[] {
  return ['fio', ...common, `--filename=${file}`, `--runtime=${runtime}`, ...options];
}

interface Job {
  readonly read: { readonly iops: number; readonly clat_ns: { readonly percentile: { '99.000000': number } } };
  readonly write: { readonly bw_bytes: number };
}

function jobOf({ exitCode, stdout, stderr }: ExecResult): Job {
  const [job] = exitCode === 0 ? (JSON.parse(stdout.slice(stdout.indexOf('{'))) as { jobs: Job[] }).jobs : [];
  if (job === undefined) throw new Error(`fio failed: ${stderr}`);
  return job;
}
