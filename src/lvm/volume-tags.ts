import { applyChange, type QosChange } from '../domain/qos.ts';
import type { Volume, VolumeUse } from '../domain/volume.ts';
import type { Admission } from './admission.ts';
import { lvchangeTags } from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { contentTags } from './content-tags.ts';
import type { ReportRow } from './process/report.ts';
import { qosTags } from './qos.ts';
import { tag, tagsOf } from './tags.ts';
import type { Writer } from './writer.ts';

// Changes of tags, for what changes of a volume, or is known of it, only after its creation.

interface TagOptions {
  readonly cache: Pick<InventoryCache, 'put'>;
  readonly writer: Pick<Writer, 'retag'>;
}

/** The volume is meant to be in no PersistentVolume. */
export async function recordRetained(
  { cache, writer }: TagOptions,
  volume: Volume,
  signal: AbortSignal,
): Promise<Volume> {
  if (volume.retained) return volume;
  const retained = { ...volume, retained: true as const };
  const what = `volume ${volume.id} could not be marked as retained`;
  await writer.retag(what, volume, { add: tag('retain', 'yes') }, signal);
  cache.put(retained);
  return retained;
}

/** The volume was first used as this. */
export async function recordUse({ cache, writer }: TagOptions, volume: Volume, use: VolumeUse): Promise<void> {
  const tags = { remove: tag('fs', volume.filesystem), add: tag('fs', use) };
  await writer.retag(`the first use of volume ${volume.id} could not be recorded`, volume, tags);
  cache.put({ ...volume, filesystem: use });
}

/** The encrypted volume has its header. */
export async function recordHeader({ cache, writer }: TagOptions, volume: Volume): Promise<void> {
  const { headerless: _, ...made } = volume;
  const tags = { remove: contentTags({ ...made, headerless: true })[0], add: contentTags(made)[0] };
  await writer.retag(`the header of volume ${volume.id} could not be recorded`, made, tags);
  cache.put(made);
}

/** @param rotated when the passphrase was exchanged */
export async function recordRotation({ cache, writer }: TagOptions, volume: Volume, rotated: number): Promise<void> {
  if (volume.rotated === rotated) return;
  const remove = volume.rotated === undefined ? [] : tag('rotated', String(volume.rotated));
  const what = `that the passphrase of volume ${volume.id} was exchanged could not be recorded`;
  await writer.retag(what, volume, { remove, add: tag('rotated', String(rotated)) });
  cache.put({ ...volume, rotated });
}

/** The volume as LVM shows it, within the turn of its group. */
interface Current {
  readonly volume: Volume;
  readonly row: ReportRow;
}

interface ChangeOptions {
  readonly cache: Pick<InventoryCache, 'put'>;
  readonly writer: Pick<Writer, 'change'>;
}

/** The volume's PersistentVolume, and what it had. */
export async function recordPersistentVolume(
  { cache, writer }: ChangeOptions,
  { volume, row }: Current,
  persistentVolume: string,
): Promise<Volume> {
  if (volume.persistentVolume === persistentVolume) return volume;
  const tags = { add: tag('pv', persistentVolume), remove: tagsOf(row['lv_tags'] ?? '', 'pv') };
  const what = `the PersistentVolume of volume ${volume.id} could not be recorded`;
  await writer.change(what, lvchangeTags(volume.group, volume.lv, tags));
  const recorded = { ...volume, persistentVolume };
  cache.put(recorded);
  return recorded;
}

/** The volume's limits and reservations, which its pool must have room for. */
export async function changeQos(
  { cache, writer, admission }: ChangeOptions & { readonly admission: Admission },
  { volume, row }: Current,
  change: QosChange,
): Promise<Volume> {
  const changed = { ...volume, qos: applyChange(volume.qos, change) };
  const tags = qosTags(volume.id, row, changed.qos);
  if (!tags) return volume;
  await admission.forChange(volume, changed.qos);
  const command = lvchangeTags(volume.group, volume.lv, tags);
  await admission.track(() => writer.change(`the limits of volume ${volume.id} could not be changed`, command));
  cache.put(changed);
  return changed;
}
