import type { Bytes } from '../../domain/bytes.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import { listParts } from './mirror-arguments.ts';
import { lvmFailure } from '../failures.ts';
import type { Lvm } from '../process/lvm.ts';
import type { ReportRow } from '../process/report.ts';

/** The copies of a mirrored logical volume, or of the data or the metadata of a thin pool. */
export interface Copies {
  readonly group: VgName;
  readonly lv: LvName;
  /**
   * LVM's word: `partial`: some are on missing disks; `refresh needed`: the kernel uses some no longer, and their disks are here. Empty: the kernel
   * uses all of them.
   */
  readonly health: string;
  /** As in `Mirror`; `recover`: the kernel makes one complete. */
  readonly action: string;
  /** How many are on missing disks. */
  readonly lost: number;
  /** Bytes of the largest. */
  readonly copySize: Bytes;
  /** The disks that have one, as `PvRecord` names them. */
  readonly devices: ReadonlySet<string>;
  /** The disks of each part of the content, a stripe of a copy; those that are not missing. */
  readonly images: readonly ReadonlySet<string>[];
}

/** The hidden parts of a group. */
export interface Parts {
  readonly copies: readonly Copies[];
  /** The spare metadata of thin pools, if it is on a missing disk. It has no data. */
  readonly lostSpare: LvName | undefined;
}

const missing = '[unknown]';

/** Throws `unavailable` unless the report succeeded. */
export async function readParts(lvm: Lvm, group: VgName): Promise<Parts> {
  const answer = await lvm.report(listParts(group));
  if (!answer.ok) throw lvmFailure(`the copies of ${group} could not be read`, answer.messages);
  const rows = answer.rows.map(decode);
  const mirrors = new Map(rows.filter(({ isMirror }) => isMirror).map((row) => [row.lv, row]));
  const spare = rows.find(({ roles, devices }) => roles.includes('spare') && devices.includes(missing));
  const copies = [...mirrors.values()].map(({ lv, health, action }): Copies => {
    const { lost, copySize, devices, images } = placesOf(rows.filter(({ parent }) => parent === lv));
    return { group, lv, health, action, lost, copySize, devices, images };
  });
  return { copies, lostSpare: spare?.lv };
}

function placesOf(parts: readonly Part[]): Pick<Copies, 'lost' | 'copySize' | 'devices' | 'images'> {
  const images = parts.filter(({ roles }) => roles.includes('image'));
  const lost = new Set(images.filter(({ devices }) => devices.includes(missing)).map(({ lv }) => lv));
  const devices = new Set(parts.flatMap((part) => part.devices).filter((device) => device !== missing));
  const places = Map.groupBy(images, ({ lv }) => lv).values();
  return {
    lost: lost.size,
    copySize: images.reduce((most, { size }) => (size > most ? size : most), 0n),
    devices,
    images: [...places].map((all) => new Set(all.flatMap((part) => part.devices)).intersection(devices)),
  };
}

type Part = ReturnType<typeof decode>;

function decode(row: ReportRow) {
  const layout = (row['lv_layout'] ?? '').split(',');
  return {
    lv: visible(row['lv_name']) as LvName,
    parent: visible(row['lv_parent']),
    size: BigInt(row['lv_size'] || '0'),
    isMirror: layout.includes('raid') && !layout.includes('raid0'),
    roles: (row['lv_role'] ?? '').split(','),
    health: row['lv_health_status'] ?? '',
    action: row['raid_sync_action'] ?? '',
    // `/dev/sda(0),/dev/sdb(0)`: with the first extent.
    devices: (row['devices'] ?? '').split(',').map((device) => device.replace(/\(\d+\)$/, '')),
  };
}

/** LVM prints hidden names in brackets. */
function visible(name = ''): string {
  return name.replace(/^\[(.*)\]$/, '$1');
}
