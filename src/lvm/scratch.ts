import { type Bytes, GiB, MiB, roundDown, smallest } from '../domain/bytes.ts';
import { largestVolume, sizeUnit } from '../domain/capacity.ts';
import { Failure } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import { defaultLayout, type Pool } from '../domain/pool.ts';
import { createVolume, removeVolume } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { devicePath, raidPartOf } from './names.ts';
import { tag } from './tags.ts';
import type { Writer } from './writer.ts';

/** No volume can have this name: what is not a CSI name itself is `q-` and 40 digits. */
export const scratchName = 'q-scratch' as LvName;

/** Beyond this a disk's own memory no longer helps it much; of a small pool no more than half is taken. */
const wantedSize = 4n * GiB;
const leastSize = 64n * MiB;

/** Where scratch volumes are made, found and removed. */
export interface ScratchPorts {
  readonly cache: InventoryCache;
  readonly writer: Writer;
}

/** How large a scratch volume the pool has room for. Throws `exhausted` where it has none. */
export function scratchSize(pool: Pool): Bytes {
  const { spec, thin } = pool;
  const layout = defaultLayout(spec, spec.type);
  // It is written from end to end, so a thin one must not fill a pool that promises more than it has.
  const real =
    spec.thin && thin ? (thin.size * BigInt(Math.floor(spec.thin.refuseAt - thin.dataPercent))) / 100n : pool.free;
  const room = smallest(largestVolume(pool, layout), real) / 2n;
  const size = roundDown(smallest(room, wantedSize), sizeUnit(pool, layout));
  if (size >= leastSize) return size;
  throw new Failure(
    'exhausted',
    `pool ${spec.name} has no room for a scratch volume: ${2n * leastSize} bytes are needed`,
  );
}

/** A logical volume that is no volume: only its role says what it is. Answers its device. */
export async function makeScratch({ cache, writer }: ScratchPorts, pool: Pool, size: Bytes): Promise<string> {
  const { spec } = pool;
  const layout = defaultLayout(spec, spec.type);
  const tags = [tag('v', '1'), tag('role', 'scratch')];
  const command = createVolume({
    group: spec.group,
    lv: scratchName,
    size,
    layout,
    thinPool: cache.thinPoolLv(spec),
    tags,
  });
  await writer.exclusive(spec.group, undefined, () => writer.change('the scratch volume could not be made', command));
  return devicePath(spec.group, scratchName);
}

/** Removes what a calibration has left behind, as the last report shows it. Throws `precondition` where one runs now: it keeps the device open. */
export async function removeScratch({ cache, writer }: ScratchPorts, group: VgName): Promise<boolean> {
  // One of them: LVM removes the parts of a mirrored one that was cut off, which bear its tags, with it.
  const left = cache
    .report()
    .volumes.filter((lv) => lv.group === group && lv.tags.get('role') === 'scratch' && !raidPartOf(lv.lv));
  for (const { lv, open } of left) {
    if (open) throw new Failure('precondition', `${group}/${lv} is open: another calibration runs`);
    const what = `the scratch volume ${group}/${lv} could not be removed`;
    await writer.exclusive(group, undefined, () => writer.change(what, removeVolume(group, lv)));
  }
  return left.length > 0;
}

/** Logical volumes of the group, ours and others', that something has open: mounted, or used as a block device. */
export function openVolumes({ cache }: ScratchPorts, group: VgName): LvName[] {
  const { volumes } = cache.report();
  return volumes.filter((lv) => lv.group === group && lv.open && !lv.isThinPool).map(({ lv }) => lv);
}
