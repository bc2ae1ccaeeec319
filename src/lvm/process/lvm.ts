import type { ReportRow } from './report.ts';

/** The command's name and its arguments, without a shell: no word has a space. */
export type LvmArguments = readonly [string, ...string[]];

/** A command that LVM answered. `messages` are LVM's error lines, without the program's name. */
export type LvmAnswer =
  | { readonly ok: true; readonly rows: readonly ReportRow[] }
  | { readonly ok: false; readonly messages: readonly string[] };

/**
 * Runs LVM commands. A report may run during a change; changes run one after the other.
 * Both throw `unavailable` if LVM gave no answer: the effect of the command is then unknown until the next report.
 */
export interface Lvm {
  report(argv: LvmArguments): Promise<LvmAnswer>;
  /** A report by the process for changes: if it shows a volume as active, the next change also sees the volume as active. */
  reportForChange(argv: LvmArguments): Promise<LvmAnswer>;
  change(argv: LvmArguments): Promise<LvmAnswer>;
  /**
   * A change that may check or zero a thin pool's metadata, which takes minutes for gigabytes. It runs in a separate process with a
   * longer deadline, so that no other change waits for it. Then the long-lived processes are restarted, because of the list of devices
   * that they keep (see `restartReports`). The signal
   * kills the process, and it throws `cancelled`.
   */
  slowChange(argv: LvmArguments, signal?: AbortSignal): Promise<LvmAnswer>;
  /** Whether a change is running within its deadline: a report may wait for LVM's lock until it ends. */
  readonly changing: boolean;
  /** Restarts both processes after their command in flight, so that they read their configuration again. */
  restart(): void;
  /**
   * Call it after devices were activated. A long-lived process of LVM 2.03.31 keeps a list of active devices. If a new, longer list starts
   * with the same devices, LVM thinks that nothing changed (libdm, `dm_device_list_equal`) and reports the others as inactive and empty.
   */
  restartReports(): void;
}
