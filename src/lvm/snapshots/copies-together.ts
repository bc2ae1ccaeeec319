import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import type { Run } from '../../exec/run.ts';
import { deviceName } from '../names.ts';

/** A thin volume that becomes a copy of another one of its thin pool. Numbers are those of the kernel's pool. */
export interface ThinCopy {
  readonly group: VgName;
  readonly thinPool: LvName;
  readonly origin: string;
  readonly copy: string;
  /** The origin's device; absent: it is inactive. */
  readonly device: LvName | undefined;
}

/** Copies thin volumes, all at one moment. */
export interface CopiesTogether {
  /**
   * Pauses the writes to all origins, copies them, and lets writes continue, whatever happens: at the latest after `pauseLimit`, and also if this process
   * dies. Returns the milliseconds of the pause. Throws `unavailable`: some copies may be missing then.
   */
  take(copies: readonly ThinCopy[]): Promise<number>;
  /** Lets writes continue that an earlier process had paused in these groups. Returns the names of their devices. */
  resume(groups: readonly VgName[]): Promise<readonly string[]>;
}

/** Milliseconds for the rest: the kernel's messages before the pause, and the end of it. */
const grace = 20_000;

/**
 * The words of a copy: thin pool, number of the copy, number of the origin, device of the origin.
 *
 * LVM cannot take the copies: it finds an origin suspended, resumes it, and never sends the thin pool the message (2.03.31). So the volumes exist
 * before, empty, and each is exchanged in the kernel for a copy with the same number, of which LVM's metadata need not know.
 */
const worker = `set -e
IFS=:
erase() { dmsetup message "$1" 0 "delete $2"; }
suspend() { [ -z "$4" ] || reason=$(dmsetup suspend "$4" 2>&1) || { echo "$reason" >&2; return 1; }; }
copy() { dmsetup message "$1" 0 "create_snap $2 $3"; }
for one; do erase $one; done
date +%s%N
for one; do suspend $one; done
for one; do copy $one; done`;

/**
 * A program of its own, so that the pause ends even if the driver's event loop is blocked or the driver dies. `timeout` kills the worker with the
 * programs that it started. The shell reports that on stderr: if the driver is dead, SIGPIPE would end it before it resumes anything.
 *
 * A dmsetup that waits for a stuck disk cannot be killed, and does its work when the disk answers: a resume waits for the suspension before it. None of them has
 * the watchdog's own streams, which would stay open.
 */
const watchdog = `trap '' PIPE
limit=$1; worker=$2; shift 2
timeout -s KILL "$limit" sh -c "$worker" worker "$@"
code=$?
IFS=:
resume() { [ -z "$4" ] || timeout -s KILL 10 dmsetup resume --noudevsync "$4" >/dev/null 2>&1; }
for one; do resume $one & done
wait
date +%s%N
exit $code`;

/** How `timeout` ends after it has killed. */
const killed = 137;

interface Options {
  readonly run: Run;
  /** The command line of a program in the namespaces of LVM. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
  /** Milliseconds for which writes may pause. */
  readonly pauseLimit: number;
  readonly paused: (milliseconds: number) => void;
}

/** Runs dmsetup, in the namespaces of LVM; `pauseLimit` in milliseconds. */
export function createCopiesTogether({ run, hosted, pauseLimit, paused }: Options): CopiesTogether {
  const resumeAll = (devices: readonly string[]) =>
    devices.map((device) => run([...hosted('dmsetup'), 'resume', '--noudevsync', device], { deadline: 10_000 }));
  return {
    async take(copies) {
      const words = copies.map(wordOf);
      const argv = ['-c', watchdog, 'watchdog', String(pauseLimit / 1000), worker, ...words] as const;
      const { exitCode, stdout, stderr } = await run([...hosted('sh'), ...argv], { deadline: pauseLimit + grace });
      const [begin = '', end = ''] = stdout.trim().split('\n');
      const pause = Math.round((Number(end) - Number(begin)) / 1e6);
      if (Number.isFinite(pause) && end !== '') paused(pause);
      if (exitCode === 0) return pause;
      const reason =
        exitCode === killed ? `writes were paused for ${pauseLimit} ms, the most that is allowed` : stderr.trim();
      throw new Failure('unavailable', reason);
    },
    async resume(groups) {
      const { stdout } = await run([...hosted('dmsetup'), ...listSuspended], { deadline: 10_000 });
      const suspended = stdout.split('\n').flatMap((line) => /^(\S+):Suspended$/.exec(line.trim())?.[1] ?? []);
      const ours = suspended.filter((name) => groups.some((group) => isOf(group, name)));
      await Promise.all(resumeAll(ours));
      return ours;
    },
  };
}

const listSuspended = ['info', '-c', '--noheadings', '-o', 'name,suspended'] as const;

/** Whether a device is a volume of the group: LVM's devices below a thin pool have names with a further "-". */
function isOf(group: VgName, name: string): boolean {
  const prefix = deviceName(group, '' as LvName);
  return name.startsWith(prefix) && /^(?:[^-]|--)+$/.test(name.slice(prefix.length));
}

function wordOf({ group, thinPool, copy, origin, device }: ThinCopy): string {
  return [
    deviceName(group, thinPool, 'tpool'),
    copy,
    origin,
    device === undefined ? '' : deviceName(group, device),
  ].join(':');
}
