import { Failure } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { Layout, Volume } from '../domain/volume.ts';
import { listOne, lvchangeTags } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { lvmFailure } from './failures.ts';
import type { Lvm } from './process/lvm.ts';
import type { ReportRow } from './process/report.ts';
import { creationTags } from './volume-records.ts';
import type { Writer } from './writer.ts';

/** What LVM says of a logical volume that is not ours. */
export interface ForeignShape {
  /** A text: why no volume of Quarry's has it. */
  readonly layout: Layout | string;
  /** `lvchange -a y` passes it by. */
  readonly skipsActivation: boolean;
}

/** Throws `not-found`, `unavailable`. */
export async function readForeignShape(lvm: Lvm, group: VgName, lv: LvName): Promise<ForeignShape> {
  const fields = 'segtype,stripes,stripe_size,data_copies,lv_skip_activation';
  const answer = await lvm.report(['lvs', '-o', fields, `${group}/${lv}`]);
  if (!answer.ok) throw lvmFailure(`${group}/${lv} could not be read`, answer.messages);
  return {
    layout: layoutOf(answer.rows),
    skipsActivation: (answer.rows[0]?.['lv_skip_activation'] ?? '') !== '',
  };
}

/** From its segments, which all have one type in a volume of Quarry's. */
export function layoutOf(rows: readonly ReportRow[]): Layout | string {
  const kinds = new Set(rows.map((row) => [row['segtype'], row['stripes'], row['stripe_size']].join(' ')));
  const row = rows[0] ?? {};
  const type = row['segtype'] ?? '';
  const [stripes, copies] = [Number(row['stripes']), Number(row['data_copies'])];
  const linear = { type: 'thick', stripes: 1, stripeSize: 65_536n } as const;
  if (type === 'thin') return { type: 'thin' };
  if (rows.every((one) => one['segtype'] === 'linear')) return { ...linear, mirrors: 0 };
  if (kinds.size !== 1) return 'its segments differ in their type or their stripes';
  if (type === 'striped') return { type: 'thick', stripes, stripeSize: BigInt(row['stripe_size'] ?? 0), mirrors: 0 };
  if (type === 'raid1' && copies > 1) return { ...linear, mirrors: copies - 1 };
  return `LVM has it as ${type}, and Quarry has no such volumes`;
}

export interface AdoptionPorts {
  readonly lvm: Pick<Lvm, 'reportForChange'>;
  readonly writer: Pick<Writer, 'exclusive' | 'change'>;
  readonly cache: Pick<InventoryCache, 'refresh'>;
}

/**
 * Makes a logical volume the volume: LVM commits all tags at once, so it is foreign before and a volume after. Throws `precondition` if it is
 * another one by now, or is a volume already.
 */
export async function adoptVolume({ lvm, writer, cache }: AdoptionPorts, volume: Volume, uuid: string): Promise<void> {
  const { group, lv } = volume;
  const what = `${group}/${lv} could not be adopted`;
  await writer.exclusive(group, undefined, async () => {
    const answer = await lvm.reportForChange(listOne(group, lv));
    if (!answer.ok) throw lvmFailure(what, answer.messages);
    const row = answer.rows.find((one) => one['lv_name'] === lv);
    if (row?.['lv_uuid'] !== uuid || /(?:^|,)quarry\./.test(row['lv_tags'] ?? '')) {
      throw new Failure('precondition', `${what}: it was changed meanwhile`);
    }
    await writer.change(what, lvchangeTags(group, lv, { add: creationTags(volume) }));
  });
  await cache.refresh();
}
