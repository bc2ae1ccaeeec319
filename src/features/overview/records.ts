import type { Bytes } from '../../domain/bytes.ts';
import type { Rates } from '../../domain/qos.ts';

/** Something that is wrong, with what to do. */
export interface ConditionRecord {
  readonly reason: string;
  readonly message: string;
}

export interface NodeRecord {
  readonly node: string;
  readonly connected: boolean;
  readonly since: string;
  readonly problem?: string | undefined;
  readonly pools: readonly string[];
  readonly volumes: number;
  readonly snapshots: number;
  readonly size: Bytes;
  readonly free: Bytes;
}

export interface PoolRecord {
  readonly node: string;
  readonly connected: boolean;
  readonly pool: string;
  readonly volumeGroup?: string | undefined;
  readonly type?: string | undefined;
  readonly unready?: string | undefined;
  readonly volumes: number;
  readonly size?: Bytes | undefined;
  readonly free?: Bytes | undefined;
  readonly thin?:
    | {
        readonly size: Bytes;
        readonly promised: Bytes;
        readonly dataPercent: number;
        readonly metadataPercent: number;
      }
    | undefined;
  readonly budget?: { readonly reservable: Rates; readonly reserved: Rates } | undefined;
  readonly conditions: readonly ConditionRecord[];
}

export interface VolumeRecord {
  readonly id: string;
  readonly namespace?: string | undefined;
  readonly claim?: string | undefined;
  readonly name: string;
  readonly node: string;
  readonly pool: string;
  readonly lv: string;
  readonly size: Bytes;
  readonly usable: Bytes;
  readonly encryption?: string | undefined;
  readonly rotated?: string | undefined;
  readonly type: string;
  readonly filesystem: string;
  readonly state: string;
  readonly role?: string | undefined;
  readonly limits: Rates;
  readonly used?: Rates | undefined;
  readonly reserved: Rates;
  readonly source?: string | undefined;
  readonly created?: string | undefined;
  readonly pod?: string | undefined;
  readonly conditions: readonly ConditionRecord[];
}

export interface JobRecord {
  readonly node: string;
  readonly kind: string;
  readonly pool: string;
  readonly volume?: string | undefined;
  readonly namespace?: string | undefined;
  readonly claim?: string | undefined;
  readonly lv: string;
  readonly size: Bytes;
  readonly state: string;
  readonly donePercent: number;
  /** Bytes a second. */
  readonly rate?: Bytes | undefined;
  readonly reason?: string | undefined;
  readonly failures: number;
}

/** Something that a node wants to be known. */
export interface NoticeRecord extends ConditionRecord {
  readonly node: string;
  readonly volume?: string | undefined;
  readonly pool?: string | undefined;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly pool: string;
  readonly source: string;
  readonly namespace?: string | undefined;
  readonly claim?: string | undefined;
  readonly size: Bytes;
  readonly usable: Bytes;
  readonly encryption?: string | undefined;
  readonly taken: string;
  readonly state: string;
  readonly room?: Bytes | undefined;
  readonly group?: string | undefined;
}
