import type { ReportRow } from './report.ts';

export type LvmArguments = readonly [string, ...string[]];

/** A command that LVM answered. `messages` are LVM's own error lines, without the program's name. */
export type LvmAnswer =
  | { readonly ok: true; readonly rows: readonly ReportRow[] }
  | { readonly ok: false; readonly messages: readonly string[] };

/**
 * Runs LVM commands. `report` may run beside a `change`; changes run one after the other.
 * Both throw `unavailable` when LVM gave no answer: what the command did is then unknown, and only a report tells.
 */
export interface Lvm {
  report(argv: LvmArguments): Promise<LvmAnswer>;
  change(argv: LvmArguments): Promise<LvmAnswer>;
  /**
   * A change that may take as long as a check or a zeroing of a thin pool's metadata, which is minutes for gigabytes. It runs in a process
   * of its own with a deadline of its own, so that no other change waits behind it. Then the long-lived processes start again, because of
   * the list of devices that they keep (see `restartReports`).
   */
  slowChange(argv: LvmArguments): Promise<LvmAnswer>;
  /** Whether a change is running within its deadline: a report may wait for LVM's lock until it ends. */
  readonly changing: boolean;
  /** Starts both processes again after their command in flight, with the configuration as it is then. */
  restart(): void;
  /**
   * Call it after devices were activated. A long-lived process of LVM 2.03.31 keeps a list of active devices and takes a longer list for
   * the same when it begins alike (libdm, `dm_device_list_equal`): it would report the devices that sort last as inactive and empty.
   */
  restartReports(): void;
}
