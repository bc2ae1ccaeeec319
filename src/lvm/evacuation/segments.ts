import { Failure } from '../../domain/errors.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import { listMoves, listSegments } from './commands.ts';
import { lvmFailure } from '../failures.ts';
import type { Lvm } from '../process/lvm.ts';
import type { ReportRow } from '../process/report.ts';
import type { Segment } from './placement.ts';

/** All segments of the group's disks, without free ones. Throws `unavailable`. */
export async function readSegments(lvm: Lvm, group: VgName): Promise<Segment[]> {
  const answer = await lvm.report(listSegments);
  if (!answer.ok) throw lvmFailure(`the segments of ${group} could not be read`, answer.messages);
  return answer.rows.filter((row) => row['vg_name'] === group && (row['lv_name'] ?? '') !== '').map(decode);
}

function decode(row: ReportRow): Segment {
  return {
    device: row['pv_name'] ?? '',
    uuid: row['pv_uuid'] ?? '',
    start: number(row, 'pvseg_start'),
    extents: number(row, 'pvseg_size'),
    lv: visible(row['lv_name']),
    striped: row['segtype'] === 'striped',
  };
}

function number(row: ReportRow, name: string): number {
  const value = Number(row[name] || Number.NaN);
  if (Number.isInteger(value)) return value;
  throw new Failure('unavailable', `LVM's report has "${row[name] ?? ''}" for ${name} instead of a number`);
}

/** LVM prints hidden names in brackets. */
function visible(name = ''): LvName {
  return name.replace(/^\[(.*)\]$/, '$1') as LvName;
}

/** A `pvmove` that has not ended: the kernel copies, and both disks have the extents. */
export interface Moving {
  /** As `PvRecord` names it. */
  readonly from: string;
  /** 0 to 1; `undefined`: its devices are not active. */
  readonly done: number | undefined;
}

/** Those of the group. Throws `unavailable`. */
export async function readMoving(lvm: Lvm, group: VgName): Promise<Moving[]> {
  const answer = await lvm.report(listMoves(group));
  if (!answer.ok) throw lvmFailure(`the moves in ${group} could not be read`, answer.messages);
  return answer.rows.flatMap((row) => {
    const from = row['move_pv'] ?? '';
    const percent = row['copy_percent'] ?? '';
    return from === '' ? [] : [{ from, done: percent === '' ? undefined : Number(percent) / 100 }];
  });
}
