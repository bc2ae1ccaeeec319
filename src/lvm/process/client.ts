import type { Run } from '../../exec/run.ts';
import type { StartSession } from '../../exec/session.ts';
import { runCommand } from './commands.ts';
import type { Lvm, LvmArguments } from './lvm.ts';
import type { ReportRow } from './report.ts';
import { LvmShell } from './shell.ts';

export interface LvmClientOptions {
  readonly run: Run;
  readonly start: StartSession;
  readonly program: readonly [string, ...string[]];
  /** LVM_SYSTEM_DIR: it says which devices LVM may see. */
  readonly directory: string;
  readonly process: 'shell' | 'command';
  /** Milliseconds for a report, or a change that is not slow. */
  readonly deadline: number;
  /** Milliseconds for a slow change. */
  readonly slowDeadline: number;
}

/** Two long-lived processes, so that a report never waits for a change; or one process per command. */
export function createLvm(options: LvmClientOptions): Lvm {
  const env = { LVM_SYSTEM_DIR: options.directory, LVM_SUPPRESS_FD_WARNINGS: '1' };
  const slowly: SlowChange = (argv, signal) =>
    runCommand({ ...options, env, deadline: options.slowDeadline, signal }, argv);
  if (options.process === 'command') {
    const run = (argv: LvmArguments) => runCommand({ ...options, env }, argv);
    const rest = {
      report: run,
      reportForChange: run,
      restart: () => undefined,
      restartReports: () => undefined,
    };
    return counted(rest, run, slowly);
  }
  const reports = createReports(new LvmShell({ ...options, env }));
  const changes = createChanges(new LvmShell({ ...options, env }));
  const restart = (): void => {
    reports.restart();
    changes.restart();
  };
  const rest = {
    report: reports.report,
    reportForChange: changes.report,
    restart,
    restartReports: reports.restart,
  };
  return counted(rest, changes.change, (argv, signal) => slowly(argv, signal).finally(restart));
}

/**
 * The process for reports. An administrator may have activated the thin pool that it shows as inactive (see `Lvm.restartReports`), so
 * another process decides, unless it was the first report of this one.
 */
function createReports(shell: LvmShell): { report: Lvm['report']; restart: () => void } {
  let first = true;
  return {
    async report(argv) {
      const mayBeOld = !first;
      first = false;
      const answer = await shell.run(argv);
      if (!mayBeOld || !answer.ok || !answer.rows.some(isInactiveThinPool)) return answer;
      shell.restart();
      return shell.run(argv);
    },
    restart() {
      first = true;
      shell.restart();
    },
  };
}

/**
 * The process for changes. Some commands do less if LVM believes that a volume is inactive. With an outdated list of devices (see
 * `Lvm.restartReports`), `lvremove` removes a volume that another program activated and has open, and leaves its device on free extents;
 * `lvextend` grows only the metadata; `lvchange -a n` succeeds and deactivates nothing. All three were seen with LVM 2.03.31. `lvcreate -s`
 * would not suspend its origin. They need a
 * new process, which has no list yet and takes 60 ms longer, unless the command right before showed the volume as active: an outdated list
 * only lacks devices, and the next command keeps each of its devices that still exists.
 */
function createChanges(shell: LvmShell): { report: Change; change: Change; restart: () => void } {
  let commands = 0;
  let shown: { readonly volume: string; readonly command: number } | undefined;
  const run: Change = (argv) => {
    commands += 1;
    return shell.run(argv);
  };
  return {
    async report(argv) {
      const command = commands + 1;
      const answer = await run(argv);
      const volume = argv.at(-1) ?? '';
      const row = answer.ok && answer.rows.find((one) => `${one['vg_name']}/${one['lv_name']}` === volume);
      shown = row && isActive(row) ? { volume, command } : undefined;
      return answer;
    },
    change(argv) {
      const isShown = shown !== undefined && shown.command === commands && shown.volume === argv.at(-1);
      if (trustsDevices(argv) && !isShown) shell.restart();
      return run(argv);
    },
    restart: () => shell.restart(),
  };
}

/** Reads the fifth attribute of lvs(8): `a` is active; other letters mean suspended, without a table, or unknown. */
function isActive(row: ReportRow): boolean {
  return row['lv_attr']?.[4] === 'a';
}

function isInactiveThinPool(row: ReportRow): boolean {
  return row['lv_attr']?.[0] === 't' && !isActive(row);
}

function trustsDevices([command, ...options]: LvmArguments): boolean {
  if (command === 'lvcreate') return options.includes('-s');
  return command === 'lvremove' || command === 'lvextend' || (command === 'lvchange' && options[0] === '-a');
}

type Change = Lvm['change'];
type SlowChange = Lvm['slowChange'];

/** Counts the running changes. */
function counted(rest: Omit<Lvm, 'change' | 'slowChange' | 'changing'>, change: Change, slowChange: SlowChange): Lvm {
  let running = 0;
  const count =
    (run: SlowChange): SlowChange =>
    async (argv, signal) => {
      running += 1;
      try {
        return await run(argv, signal);
      } finally {
        running -= 1;
      }
    };
  return {
    ...rest,
    change: count(change),
    slowChange: count(slowChange),
    // Not in an object that is spread: that would read it once.
    get changing() {
      return running > 0;
    },
  };
}
