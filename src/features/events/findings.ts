import { attentionOf, type Attention } from '../../domain/attention.ts';
import { Failure } from '../../domain/errors.ts';
import { inventoryOf, type Member } from '../../domain/fleet.ts';
import { poolsOf, volumeHealth } from '../../domain/health.ts';
import { noNews } from '../../domain/news.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';

/** Something that needs attention, with the volume that it is about. */
export interface Finding {
  readonly what: Attention;
  readonly subject: Volume | undefined;
}

/** All of a node that needs attention, as `quarry status` shows it. */
export function findingsOf(member: Member): Finding[] {
  const { node, connected, apart } = member;
  const inventory = inventoryOf(member);
  const since = new Date(member.since).toISOString();
  if (inventory instanceof Failure) {
    const problem = apart ?? inventory.message;
    return attentionOf([{ node, connected, since, problem }], [], []).map((what) => ({ what, subject: undefined }));
  }
  const { notices } = inventory.news ?? noNews;
  const volumes = unwell(inventory);
  for (const { volume: id } of notices.values()) {
    const volume = id && inventory.volumes.get(id);
    if (volume) volumes.set(volume.id, volume);
  }
  const states = Array.from(volumes.values(), (volume) => ({
    id: volume.id,
    node,
    conditions: volumeHealth(volume, inventory),
  }));
  const told = Array.from(notices.values(), (notice) => ({ node, ...notice }));
  const found = attentionOf([{ node, connected, since, problem: apart }], poolStates(node, inventory), states, told);
  return found.map((what) => ({ what, subject: volumes.get(what.volume as VolumeId) }));
}

function poolStates(node: string, inventory: Inventory) {
  return poolsOf(inventory).map((pool) => ({
    node,
    pool,
    unready: inventory.unready.get(pool),
    conditions: inventory.health.get(pool) ?? [],
  }));
}

/** Most nodes are well, and a controller may have a hundred thousand volumes. */
function unwell({ volumes, health }: Inventory): Map<VolumeId, Volume> {
  return new Map(
    [...health.keys()].flatMap((key) => {
      const volume = volumes.get(key as VolumeId);
      return volume ? [[volume.id, volume] as const] : [];
    }),
  );
}
