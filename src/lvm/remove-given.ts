import type { VolumeId } from '../domain/ids.ts';
import { untagGroup } from './group-arguments.ts';
import type { InventoryCache } from './cache.ts';
import { givenTag } from './given.ts';
import type { Writer } from './writer.ts';

/** Removes the record, if any, that the volume was given to another node. Call it when the volume no longer exists anywhere. */
export async function removeGiven(
  { cache, writer }: { readonly cache: InventoryCache; readonly writer: Writer },
  id: VolumeId,
  signal: AbortSignal,
): Promise<void> {
  const record = cache.given(id);
  if (!record) return;
  await writer.exclusive(record.group, signal, async () => {
    await writer.change(`the record of volume ${id} could not be removed`, untagGroup(record.group, givenTag(record)));
    await cache.refresh();
  });
}
