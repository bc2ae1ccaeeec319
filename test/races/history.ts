import type { Failure, FailureKind } from '../../src/domain/errors.ts';

/** A volume as a caller was told of it. Sizes in units of 4 MiB. */
export interface Seen {
  readonly node: string;
  readonly size: number;
  /** Operations a second; absent: there is no limit. */
  readonly readIops?: number | undefined;
  readonly writeIops?: number | undefined;
  /** Of a copy: what it was made from. */
  readonly of?: 'volume' | 'snapshot' | undefined;
  /** Of a group snapshot: the size of its member of the second volume; `size` is that of the other one. */
  readonly second?: number | undefined;
  /** Of a snapshot of thick volumes: they cannot grow, or be deleted, before it is gone. */
  readonly thick?: boolean | undefined;
  /** Of thick group snapshots: members may be left of a call that was cut off, until the node or the next call removes them. */
  readonly rest?: boolean;
}

/** The limits that a call sets. An absent key leaves a limit as it is. */
export type Limits = Pick<Seen, 'readIops' | 'writeIops'>;

/** What belongs to one name: its volume, a snapshot of that, and a copy of either; a second volume, and a group snapshot of both volumes. */
export const parts = ['volume', 'snapshot', 'copy', 'second', 'group'] as const;
export type Part = (typeof parts)[number];

/** Without a part it is about the volume. */
export type Request =
  | {
      readonly call: 'create';
      readonly size: number;
      readonly nodes: readonly string[];
      readonly part?: 'second';
      /** With two copies. */
      readonly mirrored?: boolean;
    }
  /** `copied`: a job may copy it, which keeps it as it is. */
  | { readonly call: 'remove' | 'get'; readonly node: string; readonly part?: Part; readonly copied?: true }
  /** Takes the snapshot of the volume. */
  | { readonly call: 'snapshot'; readonly node: string; readonly thick?: true | undefined }
  /** Takes the group snapshot of both volumes. */
  | { readonly call: 'group'; readonly node: string; readonly thick?: true | undefined }
  /** Makes the copy. `job`: a job of the node fills it. */
  | { readonly call: 'copy'; readonly node: string; readonly of: 'volume' | 'snapshot'; readonly job?: true }
  | { readonly call: 'expand'; readonly node: string; readonly size: number; readonly copied?: true }
  | { readonly call: 'modify'; readonly node: string; readonly limits: Limits }
  /** A look at LVM on every node, at the end. */
  | { readonly call: 'look'; readonly part?: Part };

/** `unknown`: the call may have had its effect, or have it later, or never have it. */
export type Outcome =
  | { readonly is: 'ok'; readonly volumes: readonly Seen[] }
  | { readonly is: 'refused'; readonly kind: FailureKind }
  | { readonly is: 'unknown'; readonly why: string };

/** A call for one name, from its begin to its end in steps of the schedule. */
export interface Call {
  readonly name: string;
  /** The controller that was called; absent for a look. */
  readonly by?: number;
  readonly request: Request;
  readonly begin: number;
  readonly end: number;
  readonly outcome: Outcome;
}

/** Kinds of failure after which the call may have been done, or may still be done. */
const open: ReadonlySet<FailureKind> = new Set<FailureKind>(['unavailable', 'cancelled']);

/** The outcome of a call that failed so. A copy that is a job is `busy` until it is whole, or before it has begun. */
export function failed({ kind, message }: Failure, request: Request): Outcome {
  const goesOn = kind === 'busy' && request.call === 'copy' && request.job === true;
  return goesOn || open.has(kind) ? { is: 'unknown', why: `${kind}: ${message}` } : { is: 'refused', kind };
}
