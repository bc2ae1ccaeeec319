/** A process of Quarry, in any role; this folder makes them, and is the only place that joins the layers. */
export interface App {
  /** Resolves when calls are accepted; LVM and the pools, or the nodes, may be ready later, which Probe reports. */
  start(): Promise<void>;
  /** Checks disks and groups now. */
  rescan(): void;
  /** Waits for work on filesystems without limit, then for other calls until the deadline. True if no call was aborted. */
  stop(deadlineMs: number): Promise<boolean>;
}
