import { type Bytes, formatBytes, KiB } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import { knownLayout, type Volume } from '../../domain/volume.ts';
import type { NewVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { readParts } from '../mirrors/mirror-copies.ts';
import type { Lvm } from '../process/lvm.ts';
import type { PvRecord } from '../records.ts';
import { linear } from '../snapshots/snapshots.ts';

/** The room that a volume grows by, before it is its own. */
type Place = Pick<NewVolume, 'layout' | 'size' | 'disks'>;

/** Of one that has none of its own. */
const defaultStripe: Bytes = 64n * KiB;

/** How often the content of a thick volume is on the disks. */
export function copiesOf(volume: Volume): bigint {
  const layout = knownLayout(volume);
  return layout.type === 'thick' ? BigInt(layout.mirrors + 1) : 1n;
}

/**
 * The room of a volume with one part is linear. Of one with several, each on a disk of its own, it has as many stripes: LVM gives each of them to a part when
 * it extends the volume by their extents. Throws `exhausted` if LVM would refuse that.
 */
export async function placeOf(ports: Ports, volume: Volume, growth: Bytes): Promise<Place> {
  const layout = knownLayout(volume);
  if (layout.type === 'thin') throw new Error(`${volume.id} is thin`);
  const copies = copiesOf(volume);
  const stripes = layout.stripes * Number(copies);
  if (stripes === 1) return { layout: linear, size: growth };
  const striped = { ...linear, stripes, stripeSize: layout.stripeSize || defaultStripe };
  const place = { layout: striped, size: growth * copies };
  return copies === 1n ? place : { ...place, disks: await disksFor(ports, volume, growth / BigInt(layout.stripes)) };
}

interface Ports {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
}

/** LVM lets the parts of a mirrored volume grow each on a disk that it is on already, or all of them on disks without any. */
async function disksFor({ lvm, cache }: Ports, { id, group, lv }: Volume, part: Bytes): Promise<string[]> {
  const { copies } = await readParts(lvm, group);
  const images = copies.find((one) => one.lv === lv)?.images ?? [];
  const roomy = cache
    .report()
    .devices.filter((disk) => disk.group === group && disk.allocatable && !disk.missing && disk.free >= part)
    .toSorted(byFree)
    .map(({ device }) => device);
  const own = images.flatMap((on) => roomy.find((device) => on.has(device)) ?? []);
  const others = roomy.filter((device) => images.every((on) => !on.has(device)));
  const found = [own, others.slice(0, images.length)].find((disks) => disks.length === images.length);
  if (found && images.length > 0) return found;
  throw new Failure(
    'exhausted',
    `volume ${id} cannot grow: each of its ${images.length} parts needs ${formatBytes(part)} free on a disk that it is on, or all of them on disks that have none of it: add disks, or delete volumes`,
  );
}

function byFree(one: PvRecord, other: PvRecord): number {
  return Number(other.free - one.free);
}
