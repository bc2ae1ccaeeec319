/** What the guest is to play. */
export interface Order {
  readonly operation: string;
  readonly seed: number;
  /** Cuts of each kind at most, spread over the operation; 0: every cut of the log, and as many with a lost cache. */
  readonly most: number;
  /** So many of the cuts of each kind amid the recovery from a cut, after each cut that is played; 0: none. */
  readonly again: number;
  /** Unix time in milliseconds after which no further cut is begun. */
  readonly until: number;
  /** Ends when each cut after a write was taken once, also before that time. */
  readonly once: boolean;
}

/** A line of the guest. */
export type Answer =
  | { readonly built: true }
  | { readonly done: string }
  /** `times`: milliseconds by phase. */
  | { readonly counts: Readonly<Record<string, number>>; readonly times?: Readonly<Record<string, number>> }
  /** `operation` is absent where the guest itself failed. */
  | { readonly finding: string; readonly operation?: string };
