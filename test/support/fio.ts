import type { Guest } from '../../lab/guest.ts';

export interface Job {
  readonly rw: 'read' | 'write' | 'randread' | 'randwrite';
  readonly bs: '4k' | '1m';
  readonly path: string;
  /** The cgroup to run in. */
  readonly cgroup: string;
}

export interface Measured {
  readonly iops: number;
  /** Bytes a second. */
  readonly bandwidth: number;
}

/** Direct I/O for some seconds of the guest's clock, all jobs at once. */
export function runFio(guest: Guest, seconds: number, jobs: readonly Job[]): Promise<Measured[]> {
  return Promise.all(
    jobs.map(async ({ rw, bs, path, cgroup }) => {
      const options = `--rw=${rw} --bs=${bs} --filename=${path} --runtime=${seconds} --time_based --size=64m`;
      // Several requests at once: the limit then sets the rate, not other work of the machine.
      return measure(guest, cgroup, rw, `--direct=1 --ioengine=libaio --iodepth=4 ${options}`);
    }),
  );
}

/** Writes so many MiB into a file through the page cache, down to the disk. */
export function writeBuffered(guest: Guest, cgroup: string, file: string, mib: number): Promise<Measured> {
  return measure(
    guest,
    cgroup,
    'write',
    `--ioengine=psync --rw=write --bs=1m --size=${mib}m --end_fsync=1 --filename=${file}`,
  );
}

async function measure(guest: Guest, cgroup: string, rw: Job['rw'], options: string): Promise<Measured> {
  const output = await guest.shell(
    `echo $$ >${cgroup}/cgroup.procs; exec fio --name=job --output-format=json ${options}`,
  );
  const { jobs } = JSON.parse(output.slice(output.indexOf('{'))) as { jobs: Record<'read' | 'write', Side>[] };
  const side = jobs[0]?.[rw.endsWith('read') ? 'read' : 'write'];
  return { iops: side?.iops ?? 0, bandwidth: side?.bw_bytes ?? 0 };
}

interface Side {
  readonly iops: number;
  readonly bw_bytes: number;
}
