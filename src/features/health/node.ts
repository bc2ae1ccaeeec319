import type { NodeContext, NodePart } from '../../app/feature.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { Failure, isFailure, messageOf } from '../../domain/errors.ts';
import { type Condition, poolsOf, storageHealth, type StorageReasonName, volumeHealth } from '../../domain/health.ts';
import type { NodeMethods } from '../../grpc/services.ts';
import { ownInventory } from '../../metrics/metrics.ts';
import { healthFamilies } from './metrics.ts';
import { Observer } from './observer.ts';
import { parseHealthId, unknownState } from './requests.ts';

/** The node's calls about health, its metrics, and the regular look at the volumes in use, which the controllers learn of by the report. */
export function createHealthNodePart({ config, local, devices, deviceUses, log }: NodeContext): NodePart {
  const { cache, patience } = local;
  const observer = new Observer({ devices, deviceUses, patience });
  const stopping = new AbortController();
  const stuck = (): Condition<StorageReasonName>[] => stuckDisks(local);
  const watch = createRepeater({
    task: async () => {
      if (!cache.reported) return;
      cache.observe(await observer.observe([...cache.current().volumes.values()], stopping.signal));
    },
    every: config.rescan,
    delay: 0,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'the health of volumes could not be observed'),
  });
  return {
    nodeCapabilities: ['GET_VOLUME_HEALTH', 'GET_STORAGE_HEALTH'],
    services: { Node: createNodeMethods(local, observer, stuck) },
    metrics: healthFamilies(ownInventory(config.node, cache), stuck),
    async stop() {
      stopping.abort();
      await watch.stop();
    },
  };
}

type Stuck = () => Condition<StorageReasonName>[];
type HealthMethods = Pick<NodeMethods, 'nodeGetVolumeHealth' | 'nodeGetStorageHealth'>;

function createNodeMethods({ cache }: NodeContext['local'], observer: Observer, stuck: Stuck): HealthMethods {
  /** LVM's report of now; the last one if LVM does not answer. */
  const current = async () => {
    try {
      return await cache.refresh();
    } catch (error) {
      if (isFailure(error, 'unavailable') && cache.reported) return cache.current();
      throw error;
    }
  };
  return {
    async nodeGetVolumeHealth({ volumeId }, { signal }) {
      const { id } = parseHealthId(volumeId);
      try {
        await current();
        const volume = await cache.find(id);
        if (!volume) throw new Failure('not-found', `volume ${id} does not exist on this node`);
        cache.observe(await observer.observe([volume], signal, id));
        return { volumeHealth: { volumeId, healthStatuses: volumeHealth(volume, cache.current()) } };
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        return { volumeHealth: { volumeId, healthStatuses: [unknownState(error.message)] } };
      }
    },
    async nodeGetStorageHealth() {
      const inventory = await current();
      return { backendHealth: storageHealth(inventory, poolsOf(inventory), stuck()) };
    },
  };
}

const shown = 3;

/** Programs and reads that were given up at their deadline and still run. */
function stuckDisks({ survivors, patience }: NodeContext['local']): Condition<StorageReasonName>[] {
  const works = [...survivors.list().map(({ argv }) => argv.join(' ')), ...patience.hanging().map(({ what }) => what)];
  if (works.length === 0) return [];
  const some = works
    .slice(0, shown)
    .map((work) => work.slice(0, 128))
    .join(', ');
  const message = `${works.length} programs and reads wait for a disk that does not answer, such as ${some}: "quarry hung" lists them; revive or remove the disk`;
  return [{ reason: 'DiskStuck', message }];
}
