import { Failure } from '../../domain/errors.ts';
import type { Bytes } from '../../domain/bytes.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import { listMirror } from './mirror-arguments.ts';
import { lvmFailure } from '../failures.ts';
import type { Lvm } from '../process/lvm.ts';

/** The state of the copies of a logical volume, or of a part of a thin pool. */
export interface Mirror {
  readonly size: Bytes;
  /** `idle`, `repair`, `check`, or during the first synchronisation `resync` or `recover`. Empty: not active. */
  readonly action: string;
  /** The finished part of the action, 0 to 1. */
  readonly done: number;
  /** KiB per second; 0: no limit. */
  readonly rate: bigint;
  /** The kernel uses some of the copies no longer, or their disks are missing. */
  readonly lacksCopy: boolean;
}

/** Whether these words of LVM on the health of a mirror mean that it lacks a copy. */
export function meansLostCopy(health: string): boolean {
  return health === 'partial' || health === 'refresh needed';
}

/** `undefined` for a logical volume with one copy. Throws `not-found`, `unavailable`. */
export async function readMirror(lvm: Lvm, group: VgName, lv: LvName): Promise<Mirror | undefined> {
  const answer = await lvm.report(listMirror(group, lv));
  if (!answer.ok) throw lvmFailure(`the copies of ${group}/${lv} could not be read`, answer.messages);
  const [row] = answer.rows;
  if (!row) throw new Failure('unavailable', `LVM's report does not show ${group}/${lv}`);
  const number = (name: string): string => row[name] || '0';
  const layout = (row['lv_layout'] ?? '').split(',');
  if (!layout.includes('raid') || layout.includes('raid0')) return undefined;
  return {
    size: BigInt(number('lv_size')),
    action: row['raid_sync_action'] ?? '',
    done: Number(number('sync_percent')) / 100,
    rate: BigInt(number('raid_max_recovery_rate')),
    lacksCopy: meansLostCopy(row['lv_health_status'] ?? ''),
  };
}
