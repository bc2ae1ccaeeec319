import type { Run } from '../exec/run.ts';
import type { StartSession } from '../exec/session.ts';
import { runCommand } from './commands.ts';
import type { Lvm, LvmArguments } from './lvm.ts';
import { LvmShell } from './shell.ts';

export interface LvmClientOptions {
  readonly run: Run;
  readonly start: StartSession;
  readonly program: readonly [string, ...string[]];
  /** LVM_SYSTEM_DIR: which devices LVM may see is written there. */
  readonly directory: string;
  readonly process: 'shell' | 'command';
  /** Milliseconds that a report, and a change that is not slow, may take. */
  readonly deadline: number;
  /** Milliseconds that a slow change may take. */
  readonly slowDeadline: number;
}

/** Two long-lived processes, so that a report never waits for a change; or one process per command. */
export function createLvm(options: LvmClientOptions): Lvm {
  const env = { LVM_SYSTEM_DIR: options.directory, LVM_SUPPRESS_FD_WARNINGS: '1' };
  const slowly = (argv: LvmArguments) => runCommand({ ...options, env, deadline: options.slowDeadline }, argv);
  if (options.process === 'command') {
    const run = (argv: LvmArguments) => runCommand({ ...options, env }, argv);
    return { report: run, ...counted(run, slowly), restart: () => undefined, restartReports: () => undefined };
  }
  const reports = new LvmShell({ ...options, env });
  const changes = new LvmShell({ ...options, env });
  const restart = (): void => {
    reports.restart();
    changes.restart();
  };
  return {
    report: (argv) => reports.run(argv),
    ...counted(
      (argv) => {
        if (trustsDevices(argv)) changes.restart();
        return changes.run(argv);
      },
      (argv) => slowly(argv).finally(restart),
    ),
    restart,
    restartReports: () => reports.restart(),
  };
}

/**
 * Commands that do less where LVM takes a volume for inactive. By an outdated list of devices (see `Lvm.restartReports`), `lvremove` removes
 * a volume that another program activated and has open, and leaves its device on extents that are free by then; `lvextend` grows the
 * metadata alone; `lvchange -a n` succeeds and deactivates nothing. All three seen with LVM 2.03.31. A new process has no list yet.
 */
function trustsDevices([command, option]: LvmArguments): boolean {
  return command === 'lvremove' || command === 'lvextend' || (command === 'lvchange' && option === '-a');
}

type Change = Lvm['change'];

/** Counts the changes that run. */
function counted(change: Change, slowChange: Change): Pick<Lvm, 'change' | 'slowChange' | 'changing'> {
  let running = 0;
  const count =
    (run: Change): Change =>
    async (argv) => {
      running += 1;
      try {
        return await run(argv);
      } finally {
        running -= 1;
      }
    };
  return {
    change: count(change),
    slowChange: count(slowChange),
    get changing() {
      return running > 0;
    },
  };
}
