import type { Bytes } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import { type WhenFull, whenFullChoices } from '../domain/pool.ts';
import { type Erasing, parseErasing } from './erasure/erasing.ts';
import { type Leaving, parseLeaving } from './evacuation/leaving-tag.ts';
import { type Given, parseGiven } from './given.ts';
import type { ReportRow } from './process/report.ts';
import { parseTags, valuesOf } from './tags.ts';

/** A logical volume as LVM reports it, with Quarry's tags. Sizes in bytes. */
export interface LvRecord {
  readonly group: VgName;
  readonly groupUuid: string;
  readonly lv: LvName;
  readonly uuid: string;
  readonly size: Bytes;
  readonly tags: ReadonlyMap<string, string>;
  /** The ids of boots in its tags: see `Volume`. */
  readonly boots: readonly string[];
  /** Milliseconds since the epoch. */
  readonly created?: number;
  readonly active: boolean;
  /** The device is mounted or otherwise open. */
  readonly open: boolean;
  readonly thinPool: LvName | undefined;
  readonly isThinPool: boolean;
  readonly isMirrored: boolean;
  /** LVM's words, such as `failed`, `out_of_data`, `metadata_read_only`; empty if healthy or inactive. */
  readonly health: string;
  /** Of a mirrored volume: see `Mirror`. Empty for others. */
  readonly syncAction: string;
  /** The kernel has set `needs_check` in the thin pool's metadata. */
  readonly needsCheck: boolean;
  /** Of a thin pool, and of the room of a thick snapshot. */
  readonly dataPercent: number;
  readonly metadataPercent: number;
  /** Bytes; 0 for others than thin pools. */
  readonly metadataSize: Bytes;
  /** Of a thin pool. */
  readonly whenFull?: WhenFull;
  /** Of a thin pool: a new block of a volume may show what an earlier volume wrote there. */
  readonly keepsOldBlocks?: true;
  /** It has thick snapshots, which LVM removes with it. */
  readonly isThickOrigin: boolean;
  /** Present exactly for a thick snapshot. Its `size` is its room. */
  readonly thickSnapshot?: ThickSnapshot;
  /** Present exactly for what is to be erased and removed. Such a record shows no tags: it is nothing else any more. */
  readonly erasing?: Erasing;
  /** Its tables refuse writes, as those of a thick snapshot do. */
  readonly readOnly?: true;
}

/** A copy-on-write snapshot of a logical volume of the group. */
export interface ThickSnapshot {
  readonly origin: LvName;
  /** Of the origin when the snapshot was taken. */
  readonly originSize: Bytes;
  /** The room did not suffice, or its disk failed: the kernel has given it up. */
  readonly overfull: boolean;
}

export interface VgRecord {
  readonly group: VgName;
  readonly uuid: string;
  readonly size: Bytes;
  readonly free: Bytes;
  readonly extentSize: Bytes;
  readonly metadata: { readonly size: Bytes; readonly free: Bytes };
  readonly tags: ReadonlyMap<string, string>;
  readonly given: readonly Given[];
  readonly missingDevices: number;
}

export interface PvRecord {
  readonly device: string;
  readonly uuid: string;
  readonly group: VgName | undefined;
  readonly groupUuid: string;
  readonly free: Bytes;
  readonly size: Bytes;
  readonly allocatable: boolean;
  /** LVM does not find the disk, or has recorded that it was missing; `device` is a path only in the second case. */
  readonly missing: boolean;
  /** Everything on it moves to other disks. */
  readonly leaving: Leaving | undefined;
}

export function decodeLv(row: ReportRow): LvRecord {
  const attributes = field(row, 'lv_attr');
  const erasing = parseErasing(field(row, 'lv_name') as LvName, field(row, 'lv_tags'));
  const tags = erasing ? '' : field(row, 'lv_tags');
  return {
    group: field(row, 'vg_name') as VgName,
    groupUuid: field(row, 'vg_uuid'),
    lv: field(row, 'lv_name') as LvName,
    uuid: field(row, 'lv_uuid'),
    size: bytes(row, 'lv_size'),
    tags: parseTags(tags),
    boots: valuesOf(tags, 'boot'),
    ...parseTime(row['lv_time']),
    // `c`: an active thin pool that needs a check; `I`: an active snapshot that is overfull.
    active: 'acI'.includes(attributes[4] ?? '-'),
    open: attributes[5] === 'o',
    thinPool: (field(row, 'pool_lv') || undefined) as LvName | undefined,
    isThinPool: attributes[0] === 't',
    isMirrored: /^[rR]/.test(attributes),
    health: row['lv_health_status'] ?? '',
    syncAction: row['raid_sync_action'] ?? '',
    needsCheck: row['lv_check_needed'] === 'check needed' || row['lv_check_needed'] === '1',
    dataPercent: percent(row, 'data_percent'),
    metadataPercent: percent(row, 'metadata_percent'),
    metadataSize: row['lv_metadata_size'] ? bytes(row, 'lv_metadata_size') : 0n,
    ...parseWhenFull(row['lv_when_full']),
    ...(attributes[0] === 't' && attributes[7] === '-' && { keepsOldBlocks: true }),
    isThickOrigin: /^[oO]/.test(attributes),
    ...(/^[sS]/.test(attributes) && { thickSnapshot: decodeThickSnapshot(row, attributes) }),
    ...(erasing && { erasing }),
    ...(attributes[1] === 'r' && { readOnly: true }),
  };
}

function decodeThickSnapshot(row: ReportRow, attributes: string): ThickSnapshot {
  const originSize = bytes(row, 'origin_size');
  const marked = parseTags(field(row, 'lv_tags')).get('state') === 'overfull';
  return { origin: field(row, 'origin') as LvName, originSize, overfull: marked || /^....[IS]/.test(attributes) };
}

export function decodeVg(row: ReportRow): VgRecord {
  return {
    group: field(row, 'vg_name') as VgName,
    uuid: field(row, 'vg_uuid'),
    size: bytes(row, 'vg_size'),
    free: bytes(row, 'vg_free'),
    extentSize: bytes(row, 'vg_extent_size'),
    metadata: { size: bytes(row, 'vg_mda_size'), free: bytes(row, 'vg_mda_free') },
    tags: parseTags(field(row, 'vg_tags')),
    given: parseGiven(field(row, 'vg_tags')),
    missingDevices: Number(field(row, 'vg_missing_pv_count')),
  };
}

export function decodePv(row: ReportRow): PvRecord {
  return {
    device: field(row, 'pv_name'),
    uuid: field(row, 'pv_uuid'),
    group: (field(row, 'vg_name') || undefined) as VgName | undefined,
    groupUuid: field(row, 'vg_uuid'),
    free: bytes(row, 'pv_free'),
    size: bytes(row, 'pv_size'),
    allocatable: field(row, 'pv_allocatable') === 'allocatable' && field(row, 'pv_missing') === '',
    missing: field(row, 'pv_missing') !== '',
    leaving: parseLeaving(row['pv_tags'] ?? ''),
  };
}

/** LVM's default format, `2026-11-21 14:23:13 +0000`. Another `report/time_format` gives `undefined`. */
function parseTime(text: string | undefined): { created?: number } {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(text ?? '');
  const time = match ? Date.parse(`${match[1]}T${match[2]}${match[3]}:${match[4]}`) : Number.NaN;
  return Number.isNaN(time) ? {} : { created: time };
}

function parseWhenFull(text: string | undefined): { whenFull?: WhenFull } {
  const whenFull = whenFullChoices.find((choice) => choice === text);
  return whenFull === undefined ? {} : { whenFull };
}

function field(row: ReportRow, name: string): string {
  const value = row[name];
  if (value === undefined) throw new Failure('unavailable', `LVM's report has no field ${name}`);
  return value;
}

function bytes(row: ReportRow, name: string): Bytes {
  const text = field(row, name);
  if (!/^\d+$/.test(text)) throw new Failure('unavailable', `LVM's report has "${text}" for ${name} instead of bytes`);
  return BigInt(text);
}

/** LVM prints an empty text for volumes without a percentage and for inactive thin pools: 0 here. */
function percent(row: ReportRow, name: string): number {
  return Number(field(row, name) || '0');
}
