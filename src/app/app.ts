/** One process of Quarry in whatever role; this folder makes them, and is the only place that joins the layers. */
export interface App {
  /** Resolves when calls are accepted; LVM and the pools, or the nodes, may need longer, as Probe says. */
  start(): Promise<void>;
  /** Looks at disks and groups again, now. */
  rescan(): void;
  /** Ends what is in flight within the deadline, work on filesystems before that, whatever it takes. True when nothing had to be cut off. */
  stop(deadlineMs: number): Promise<boolean>;
}
