import type { Run } from '../exec/run.ts';
import type { RunStream } from '../exec/stream.ts';
import type { Log } from '../log.ts';
import type { Lvm } from '../lvm/process/lvm.ts';

/** Logs each program at `debug`, with arguments and duration. Secrets are never arguments. */
export function traceRun(run: Run, log: Log): Run {
  return (argv, options) => traced(log, { argv }, 'program', () => run(argv, options));
}

/** The same for each program whose output is read as it comes. */
export function traceStream(stream: RunStream, log: Log): RunStream {
  return async function* tracedStream(argv, options) {
    const began = performance.now();
    try {
      yield* stream(argv, options);
    } finally {
      logEnd(log, { argv }, 'program', began);
    }
  };
}

/** The same for each LVM command, run as a process or by the long-lived one. */
export function traceLvm(lvm: Lvm, log: Log): Lvm {
  return {
    report: (argv) => traced(log, { argv }, 'LVM command', () => lvm.report(argv)),
    reportForChange: (argv) => traced(log, { argv }, 'LVM command', () => lvm.reportForChange(argv)),
    change: (argv) => traced(log, { argv }, 'LVM command', () => lvm.change(argv)),
    slowChange: (argv) => traced(log, { argv }, 'LVM command', () => lvm.slowChange(argv)),
    get changing() {
      return lvm.changing;
    },
    restart: () => lvm.restart(),
    restartReports: () => lvm.restartReports(),
  };
}

async function traced<T>(log: Log, fields: object, message: string, task: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await task();
  } finally {
    logEnd(log, fields, message, began);
  }
}

function logEnd(log: Log, fields: object, message: string, began: number): void {
  log.debug({ ...fields, duration_ms: Math.round(10 * (performance.now() - began)) / 10 }, message);
}
