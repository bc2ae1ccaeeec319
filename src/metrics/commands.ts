import type { Families } from './metrics.ts';

/** The processes of LVM: each runs one command at a time. */
const lvmProcesses = ['reports', 'changes', 'slow-changes'] as const;
/** Which of them runs a command. */
export type LvmProcess = (typeof lvmProcesses)[number];

type LvmOutcome = 'ok' | 'refused' | 'unanswered';

/** Counts and times LVM's commands. */
export interface LvmMeter {
  /** Call it at the start of a command, and what it returns at its end. */
  begin(process: LvmProcess, command: string): (outcome: LvmOutcome) => void;
  readonly families: Families;
}

/** A meter of this process, at zero. */
export function createLvmMeter(): LvmMeter {
  const inFlight = new Map<LvmProcess, number>(lvmProcesses.map((process) => [process, 0]));
  const listeners: ((seconds: number, labels: Record<string, string>) => void)[] = [];
  const add = (process: LvmProcess, more: number): void => {
    inFlight.set(process, (inFlight.get(process) ?? 0) + more);
  };
  return {
    begin(process, command) {
      const began = performance.now();
      add(process, 1);
      return (outcome) => {
        add(process, -1);
        const seconds = (performance.now() - began) / 1000;
        for (const listener of listeners) listener(seconds, { command, outcome });
      };
    },
    families: lvmFamilies(inFlight, (listener) => void listeners.push(listener)),
  };
}

function lvmFamilies(
  inFlight: ReadonlyMap<LvmProcess, number>,
  values: (listener: (seconds: number, labels: Record<string, string>) => void) => void,
): Families {
  return {
    gauges: [
      {
        name: 'quarry_lvm_commands_in_flight',
        help: 'Commands that a process of LVM (reports, changes, slow-changes) runs or has waiting: all above 1 wait',
        labelNames: ['process'],
        collect() {
          for (const [process, count] of inFlight) this.set({ process }, count);
        },
      },
    ],
    histograms: [
      {
        configuration: {
          name: 'quarry_lvm_command_duration_seconds',
          help: 'Duration of LVM commands with the wait for their turn, by command and outcome: ok, refused (LVM says why), unanswered (killed at its deadline, or ended)',
          labelNames: ['command', 'outcome'],
          buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300],
        },
        values,
      },
    ],
  };
}
