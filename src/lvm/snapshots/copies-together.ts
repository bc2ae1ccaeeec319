import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import type { Run } from '../../exec/run.ts';
import { suspendedDevices } from '../../kernel/suspended-devices.ts';
import { deviceName } from '../names.ts';

/** A thin volume that becomes a copy of another one of its thin pool. Numbers are those of the kernel's pool. */
export interface ThinCopy {
  readonly type: 'thin';
  readonly group: VgName;
  readonly thinPool: LvName;
  readonly origin: string;
  readonly copy: string;
  /** The origin's device; absent: it is inactive. */
  readonly device: LvName | undefined;
}

/** An active thick snapshot that forgets what it kept of its origin until now. */
export interface ThickCopy {
  readonly type: 'thick';
  readonly group: VgName;
  readonly snapshot: LvName;
  /** The origin's device. */
  readonly device: LvName;
}

export type Copy = ThinCopy | ThickCopy;

/** Gives snapshots the content of their origins, all at one moment. */
export interface CopiesTogether {
  /**
   * Pauses the writes to all origins, takes the copies, and lets writes continue, whatever happens: at the latest after `pauseLimit`, and also if this process
   * dies. Returns the milliseconds of the pause. Throws `unavailable`: some copies may be missing then.
   */
  take(copies: readonly Copy[]): Promise<number>;
  /** Lets writes continue that an earlier process had paused in these groups. Returns the names of their devices. */
  resume(groups: readonly VgName[]): Promise<readonly string[]>;
  /**
   * Call it before LVM removes a thick snapshot of which `take` did not end: LVM fails half-way if the kernel has a table for it that is not in use. Waits for what
   * a process that died has left running, which may load one. Throws `unavailable`.
   */
  abandon(group: VgName, snapshot: LvName): Promise<void>;
}

/** Milliseconds for what comes before the pause: nothing waits for it. */
const preparation = 20_000;

/** Milliseconds for the rest: the start, and the end of the pause. */
const grace = 20_000;

/**
 * The words of a copy: its type; the device of the thin pool, or of the snapshot; number of the copy, number of the origin, both of thin ones only; device of the
 * origin.
 *
 * LVM cannot take the copies: it finds an origin suspended, and resumes it (2.03.31). So LVM makes each snapshot before, and its content is exchanged in the kernel,
 * of which LVM's metadata need not know. A thin one is empty, and is exchanged for a copy with the same number. A thick one loses the exceptions that it has: the
 * kernel forgets them with the snapshot's table, and finds none when it loads that table again, because the first block of the room is blank. The new table waits
 * until the origins are suspended. From then on it counts. Whatever another program did to the snapshot meanwhile, it has the content of this moment if its status
 * shows a room in which only the kernel's own records are used.
 *
 * All devices are suspended at once, then all copies are taken at once: each waits for flushes of its disk, and these would add up.
 *
 * A suspension first writes out what waits in the page cache, and the writes that come meanwhile wait for it. So all is written out before, then what came in that
 * time. If that fails, the suspension does it. A disk that does not answer ends the preparation at its limit: then nothing was paused.
 */
const worker = `set -e
phase=$1; shift
IFS=:
prepare_thin() { dmsetup message "$2" 0 "delete $3"; }
prepare_thick() {
  table=$(dmsetup table "$2")
  case $table in *' snapshot '*) ;; *) echo "$2 is no snapshot: $table" >&2; return 1;; esac
  sectors=\${table#* }
  dmsetup reload "$2" --table "0 \${sectors%% *} error"
  dmsetup suspend --noflush --nolockfs "$2"
  dmsetup resume --noudevsync "$2"
  dd if=/dev/zero of="/dev/mapper/$2-cow" bs=4096 count=1 oflag=direct conv=notrunc,fsync status=none
  dmsetup reload "$2" --table "$table"
}
suspend() { [ -z "$5" ] || reason=$(dmsetup suspend "$5" 2>&1) || { echo "$reason" >&2; return 1; }; }
copy_thin() { dmsetup message "$2" 0 "create_snap $3 $4"; }
copy_thick() {
  dmsetup resume --noudevsync "$2"
  status=$(dmsetup status "$2")
  case $status in *' snapshot '[0-9]*/*) used=\${status##*' snapshot '}; [ "\${used%%/*}" != "\${status##* }" ] || return 0;; esac
  echo "$2 is no blank snapshot, but: $status" >&2
  return 1
}
flush() {
  [ -z "$5" ] || { mounted=$(findmnt -nfo TARGET -S "/dev/mapper/$5") && sync -f "$mounted" || sync "/dev/mapper/$5"; } >/dev/null 2>&1 || :
}
prepare() { "prepare_$1" "$@"; }
copy() { "copy_$1" "$@"; }
at_once() {
  verb=$1 jobs=; shift
  for one; do "$verb" $one & jobs=\${jobs:+$jobs:}$!; done
  for job in $jobs; do wait "$job" || failed=1; done
  [ -z "$failed" ]
}
if [ "$phase" = prepare ]; then
  for one; do prepare $one; done
  at_once flush "$@"
  at_once flush "$@"
  exit
fi
at_once suspend "$@"
at_once copy "$@"`;

/**
 * A program of its own, so that the pause ends even if the driver's event loop is blocked or the driver dies. `timeout` kills the worker with the
 * programs that it started. The shell reports that on stderr: if the driver is dead, SIGPIPE would end it before it resumes anything.
 *
 * A dmsetup that waits for a stuck disk cannot be killed, and does its work when the disk answers: a resume waits for the suspension before it. None of them has
 * the watchdog's own streams, which would stay open. All of them share a lock until they end: a driver that starts meanwhile can wait for them.
 */
const watchdog = `trap '' PIPE
lock=$1; preparation=$2; limit=$3; worker=$4; shift 4
exec 9<"$lock" || exit 1
flock -s 9 || exit 1
timeout -s KILL "$preparation" sh -c "$worker" worker prepare "$@" || exit
date +%s%N
timeout -s KILL "$limit" sh -c "$worker" worker take "$@"
code=$?
IFS=:
resume() { [ -z "$5" ] || timeout -s KILL 10 dmsetup resume --noudevsync "$5" >/dev/null 2>&1; }
for one; do resume $one & done
wait
date +%s%N
exit $code`;

/** How `timeout` ends after it has killed. */
const killed = 137;

interface Options {
  readonly run: Run;
  /** A file that is there wherever LVM has devices. */
  readonly lock: string;
  /** The command line of a program in the namespaces of LVM. */
  readonly hosted: (program: string) => readonly [string, ...string[]];
  /** The names of all suspended devices of device-mapper. */
  readonly suspended: () => Promise<readonly string[]>;
  /** Milliseconds for which writes may pause. */
  readonly pauseLimit: number;
  readonly paused: (milliseconds: number) => void;
}

/** Of other programs, none locks this one. */
const controlNode = '/dev/mapper/control';

/** Runs dmsetup, in the namespaces of LVM; `pauseLimit` in milliseconds. */
export function createCopiesTogether(given: Omit<Options, 'lock' | 'suspended'> & Partial<Options>): CopiesTogether {
  const options: Options = { lock: controlNode, suspended: suspendedDevices, ...given };
  const { run, hosted, suspended } = options;
  return {
    take: (copies) => take(options, copies),
    async resume(groups) {
      const ours = (await suspended()).filter((name) => groups.some((group) => isOf(group, name)));
      const argv = (device: string) => [...hosted('dmsetup'), 'resume', '--noudevsync', device] as const;
      await Promise.all(ours.map((device) => run(argv(device), { deadline: 10_000 })));
      return ours;
    },
    abandon: (group, snapshot) => abandon(options, deviceName(group, snapshot)),
  };
}

async function take({ run, hosted, lock, pauseLimit, paused }: Options, copies: readonly Copy[]): Promise<number> {
  const limits = [preparation, pauseLimit].map((limit) => String(limit / 1000));
  const argv = ['-c', watchdog, 'watchdog', lock, ...limits, worker, ...copies.map(wordOf)] as const;
  const deadline = preparation + pauseLimit + grace;
  const { exitCode, stdout, stderr } = await run([...hosted('sh'), ...argv], { deadline });
  const [begin = '', end = ''] = stdout.trim().split('\n');
  const pause = Math.round((Number(end) - Number(begin)) / 1e6);
  if (Number.isFinite(pause) && end !== '') paused(pause);
  if (exitCode === 0) return pause;
  if (exitCode !== killed) throw new Failure('unavailable', stderr.trim());
  const late =
    begin === ''
      ? `the snapshots were not prepared within ${preparation} ms`
      : `writes were paused for ${pauseLimit} ms, the most that is allowed`;
  throw new Failure('unavailable', late);
}

async function abandon({ run, hosted, lock }: Options, device: string): Promise<void> {
  const succeed = async (program: string, ...words: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await run([...hosted(program), ...words], { deadline: 15_000 });
    if (exitCode === 0) return stdout;
    const reason = stderr.trim() || `${program} ended with ${exitCode}`;
    throw new Failure('unavailable', `the tables of ${device} could not be cleared: ${reason}`);
  };
  await succeed('flock', '-w', '10', lock, 'true');
  const names = (await succeed('dmsetup', ...listNames)).split('\n').map((line) => line.trim());
  if (!names.includes(device)) return;
  await succeed('dmsetup', 'clear', device);
  // It is suspended if its worker was killed in the preparation.
  await succeed('dmsetup', 'resume', '--noudevsync', device);
}

const listNames = ['info', '-c', '--noheadings', '-o', 'name'] as const;

/** Whether a device is a volume of the group: LVM's devices below a thin pool have names with a further "-". */
function isOf(group: VgName, name: string): boolean {
  const prefix = deviceName(group, '' as LvName);
  return name.startsWith(prefix) && /^(?:[^-]|--)+$/.test(name.slice(prefix.length));
}

function wordOf(copy: Copy): string {
  const { group } = copy;
  const device = copy.device === undefined ? '' : deviceName(group, copy.device);
  const words =
    copy.type === 'thin'
      ? [deviceName(group, copy.thinPool, 'tpool'), copy.copy, copy.origin]
      : [deviceName(group, copy.snapshot), '', ''];
  return [copy.type, ...words, device].join(':');
}
