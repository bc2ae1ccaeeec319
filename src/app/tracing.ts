import type { Run } from '../exec/run.ts';
import type { RunStream } from '../exec/stream.ts';
import type { Log } from '../log.ts';
import type { Lvm, LvmAnswer } from '../lvm/process/lvm.ts';
import type { LvmMeter, LvmProcess } from '../metrics/commands.ts';

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

/** The same for each LVM command, run as a process or by the long-lived one; the meter counts and times it. */
export function traceLvm(lvm: Lvm, log: Log, meter: LvmMeter): Lvm {
  const metered =
    (process: LvmProcess, run: Lvm['slowChange']): Lvm['slowChange'] =>
    (argv, signal) =>
      traced(log, { argv }, 'LVM command', async () => {
        const end = meter.begin(process, argv[0]);
        let answer: LvmAnswer | undefined;
        try {
          return (answer = await run(argv, signal));
        } finally {
          end(answer === undefined ? 'unanswered' : answer.ok ? 'ok' : 'refused');
        }
      });
  return {
    report: metered('reports', (argv) => lvm.report(argv)),
    reportForChange: metered('changes', (argv) => lvm.reportForChange(argv)),
    change: metered('changes', (argv) => lvm.change(argv)),
    slowChange: metered('slow-changes', (argv, signal) => lvm.slowChange(argv, signal)),
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
