import type { Volume, VolumeUse } from '../domain/volume.ts';
import type { InventoryCache } from './cache.ts';
import { contentTags } from './content-tags.ts';
import { tag } from './tags.ts';
import type { Writer } from './writer.ts';

// Changes of a single tag, for what is known of a volume only after its creation.

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
