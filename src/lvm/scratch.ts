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

/** No volume can have this name: `q-` begins only hashed names, which have 40 digits after it. */
const scratchName = 'q-scratch' as LvName;

/** Large enough that a disk's own cache no longer helps much. In a small pool it is at most half of the room. */
const wantedSize = 4n * GiB;
const leastSize = 64n * MiB;

/** Where scratch volumes are made, found and removed. */
export interface ScratchPorts {
  readonly cache: InventoryCache;
  readonly writer: Writer;
}

/** The size of a scratch volume, in bytes, that the pool has room for. Throws `exhausted` if it has none. */
export function scratchSize(pool: Pool): Bytes {
  const { spec, thin } = pool;
  const layout = defaultLayout(spec, spec.type);
  // All of it is written, so a thin one must not fill an over-provisioned pool.
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

/** Creates a logical volume that is not a volume, only tagged with its role. Returns its device. */
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
  await writer.exclusive(spec.group, undefined, () =>
    writer.change('the scratch volume could not be created', command),
  );
  return devicePath(spec.group, scratchName);
}

/** Removes a scratch volume that a calibration left behind, according to the last report. Throws `precondition` while one runs and has it open. */
export async function removeScratch({ cache, writer }: ScratchPorts, group: VgName): Promise<boolean> {
  // If the creation of a mirrored one was cut off, its parts have its tags, and LVM removes them with it.
  const left = cache
    .report()
    .volumes.filter((lv) => lv.group === group && lv.tags.get('role') === 'scratch' && !raidPartOf(lv.lv));
  for (const { lv, open } of left) {
    if (open) throw new Failure('precondition', `${group}/${lv} is open: another calibration is running`);
    const what = `the scratch volume ${group}/${lv} could not be removed`;
    await writer.exclusive(group, undefined, () => writer.change(what, removeVolume(group, lv)));
  }
  return left.length > 0;
}

/** Logical volumes of the group, ours and others', that are mounted or open as block devices. */
export function openVolumes({ cache }: ScratchPorts, group: VgName): LvName[] {
  const { volumes } = cache.report();
  return volumes.filter((lv) => lv.group === group && lv.open && !lv.isThinPool).map(({ lv }) => lv);
}
