import type { Run } from '../exec/run.ts';
import type { StartSession } from '../exec/session.ts';
import { runCommand } from './commands.ts';
import type { Lvm } from './lvm.ts';
import { LvmShell } from './shell.ts';

export interface LvmClientOptions {
  readonly run: Run;
  readonly start: StartSession;
  readonly program: readonly [string, ...string[]];
  /** LVM_SYSTEM_DIR: which devices LVM may see is written there. */
  readonly directory: string;
  readonly process: 'shell' | 'command';
  readonly deadline: number;
}

/** Two long-lived processes, so that a report never waits for a change; or one process per command. */
export function createLvm(options: LvmClientOptions): Lvm {
  const env = { LVM_SYSTEM_DIR: options.directory, LVM_SUPPRESS_FD_WARNINGS: '1' };
  if (options.process === 'command') {
    const run = (argv: Parameters<Lvm['report']>[0]) => runCommand({ ...options, env }, argv);
    return { report: run, change: run, restart: () => undefined, restartReports: () => undefined };
  }
  const reports = new LvmShell({ ...options, env });
  const changes = new LvmShell({ ...options, env });
  return {
    report: (argv) => reports.run(argv),
    change: (argv) => changes.run(argv),
    restart: () => {
      reports.restart();
      changes.restart();
    },
    restartReports: () => reports.restart(),
  };
}
