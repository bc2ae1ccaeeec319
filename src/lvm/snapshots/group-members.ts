import { Failure } from '../../domain/errors.ts';
import { snapshotIdFor } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { SnapshotRoom } from '../../domain/snapshot-room.ts';
import { contentIn, type Volume } from '../../domain/volume.ts';
import { createInactive, listThinIds } from '../arguments.ts';
import type { Devices } from '../devices.ts';
import { lvmFailure } from '../failures.ts';
import { devicePath, groupSnapshotNames } from '../names.ts';
import { afterGrowth } from '../prediction.ts';
import { decodeLv } from '../records.ts';
import { toVolume } from '../volume-records.ts';
import { lookUpForRemoval } from '../removal.ts';
import type { Copy } from './copies-together.ts';
import { snapshotTags } from './snapshot-records.ts';
import type { LocalSnapshots, LocalSnapshotsOptions } from './snapshots.ts';

/** A member that is being taken. */
export interface Taking {
  readonly volume: Volume;
  readonly snapshot: Snapshot;
}

/** The same for all members. */
interface Common extends Pick<Snapshot, 'name' | 'memberOf' | 'taken'> {
  readonly room: SnapshotRoom | undefined;
}

interface MemberOptions extends LocalSnapshotsOptions {
  readonly snapshots: LocalSnapshots;
  readonly devices: Pick<Devices, 'exists'>;
}

/**
 * The logical volume of a member, before it has the content that it is to have: a thin one is empty, a thick one has that of this moment. Call it only within the
 * turn of the volume's group.
 */
export async function createMember(
  options: MemberOptions,
  what: string,
  { room, ...common }: Common,
  volume: Volume,
): Promise<Taking> {
  if (volume.layout.type === 'thin') return createThinMember(options, what, common, volume);
  const lv = groupSnapshotNames(options.node, common.name).lvOf(volume.id);
  return { volume, snapshot: await options.snapshots.createInTurn(what, volume, common, { lv, room }) };
}

async function createThinMember(
  options: MemberOptions,
  what: string,
  common: Omit<Common, 'room'>,
  known: Volume,
): Promise<Taking> {
  const { node, cache, writer, admission } = options;
  await admission.settle();
  const found = await lookUpForRemoval(options, known, what);
  const record = found && decodeLv(found.row);
  if (!record?.thinPool) throw new Failure('not-found', `volume ${known.id} does not exist on node ${node}`);
  const volume = toVolume(record, known.pool, node) ?? known;
  const pool = await admission.forSnapshot(volume.pool, { type: 'thin' }, volume.size);
  const { group, size, erase } = volume;
  const lv = groupSnapshotNames(node, common.name).lvOf(volume.id);
  const place = { node, source: volume.id, pool: volume.pool, group, lv, size, ...contentIn(volume), erase };
  const snapshot: Snapshot = { ...common, ...place, id: snapshotIdFor(node, lv), state: 'creating' };
  const placed = { group, lv, size, thinPool: record.thinPool, tags: snapshotTags(snapshot) };
  await admission.track(() => writer.change(what, createInactive(placed)));
  cache.putSnapshot(snapshot);
  cache.putPool(afterGrowth(pool, { type: 'thin' }, size));
  return { volume, snapshot };
}

/** How the member gets its content; `undefined`: it has it already, because a thick volume without a device is not written to. */
export async function copyOf(
  { lvm, devices }: MemberOptions,
  what: string,
  { volume, snapshot }: Taking,
): Promise<Copy | undefined> {
  const { group, lv } = volume;
  const device = (await devices.exists(devicePath(group, lv))) ? lv : undefined;
  if (snapshot.room !== undefined) return device && { type: 'thick', group, snapshot: snapshot.lv, device };
  const answer = await lvm.reportForChange(listThinIds(group, [lv, snapshot.lv]));
  if (!answer.ok) throw lvmFailure(what, answer.messages);
  const [origin, copy] = [lv, snapshot.lv].map((name) => answer.rows.find((row) => row['lv_name'] === name));
  const [pool, originId, copyId] = [origin?.['pool_lv'], origin?.['thin_id'], copy?.['thin_id']];
  if (!pool || !originId || !copyId || copy?.['pool_lv'] !== pool)
    throw new Failure('unavailable', `${what}: LVM does not show volume ${volume.id} in a thin pool`);
  return { type: 'thin', group, thinPool: pool as typeof lv, origin: originId, copy: copyId, device };
}
