import type { CsiContext, Part } from '../../app/feature.ts';
import { Failure, isFailure } from '../../domain/errors.ts';
import { knownInventory } from '../../domain/fleet.ts';
import { type HealthEntry, volumeHealth, volumeReasons, type VolumeStatus } from '../../domain/health.ts';
import { idBefore, pageOf, pageSize } from '../../domain/pages.ts';
import type { Volume } from '../../domain/volume.ts';
import { parseHealthId, unknownState } from './requests.ts';

type Registry = CsiContext['registry'];

/** A volume that is not well. */
interface Unhealthy {
  readonly volumeId: string;
  readonly healthStatuses: HealthEntry<VolumeStatus>[];
}

/** Entries of a page: each has some KiB, so that all fit into the 4 MiB that gRPC's clients accept. */
const mostEntries = 500;
/** Volumes that are looked at together. */
const batch = 1000;

/** The calls about the health of volumes, of a role that serves CSI's Controller. They ask a node only about a volume that no report shows. */
export function createHealthPart({ registry }: CsiContext): Part {
  return {
    capabilities: ['GET_VOLUME_HEALTH', 'LIST_VOLUME_HEALTH'],
    services: {
      Controller: {
        async controllerGetVolumeHealth({ volumeId }, { signal }) {
          return { volumeHealth: { volumeId, healthStatuses: await healthOf(registry, volumeId, signal) } };
        },
        async controllerListVolumeHealth({ maxEntries, startingToken }) {
          const most = Math.min(pageSize(maxEntries), mostEntries);
          const found = unhealthyAfter(registry, idBefore(startingToken), most);
          const page = pageOf(found, ({ volumeId }) => volumeId, startingToken, most);
          return { entries: [...page.items], nextToken: page.nextToken };
        },
      },
    },
  };
}

/** Throws `not-found` only where a node has proven that the volume does not exist. */
async function healthOf(registry: Registry, text: string, signal: AbortSignal): Promise<HealthEntry<VolumeStatus>[]> {
  const { id, node } = parseHealthId(text);
  const birth = registry.member(node);
  const holder = birth && (registry.movedTo(birth, id) ?? birth);
  const reported = knownInventory(holder)?.volumes.get(id);
  if (reported) return entriesOf(registry, reported);
  try {
    const volume = await registry.at(id, node, (storage) => storage.find(id, signal));
    if (volume) return entriesOf(registry, volume);
  } catch (error) {
    if (isFailure(error, 'unavailable')) return [unknownState(error.message)];
    throw error;
  }
  throw new Failure('not-found', `volume "${text}" does not exist`);
}

/** More than `most` of them, if there are so many. Throws `unavailable` where the volumes of a node are not known. */
function unhealthyAfter(registry: Registry, after: string, most: number): Unhealthy[] {
  const found: Unhealthy[] = [];
  let from = after;
  while (found.length <= most) {
    const volumes = registry.volumesAfter(from, batch);
    for (const volume of volumes) {
      const healthStatuses = entriesOf(registry, volume);
      if (healthStatuses.length > 0) found.push({ volumeId: volume.id, healthStatuses });
    }
    const last = volumes.at(-1);
    if (!last || volumes.length < batch) break;
    from = last.id;
  }
  return found;
}

/** As the node that has the volume last reported it. */
function entriesOf(registry: Registry, volume: Volume): HealthEntry<VolumeStatus>[] {
  const member = registry.member(volume.node);
  const inventory = knownInventory(member);
  const reported = inventory ? volumeHealth(volume, inventory) : [];
  if (member?.connected) return reported;
  const message = `node ${volume.node}, which has the volume, is not connected: look after the node`;
  return [{ reason: 'NodeDisconnected', status: volumeReasons.NodeDisconnected.status, message }, ...reported];
}
