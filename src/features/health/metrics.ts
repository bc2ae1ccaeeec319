import { type Condition, poolsOf, storageHealth, type StorageReasonName, volumeHealth } from '../../domain/health.ts';
import type { Families, InventorySource } from '../../metrics/metrics.ts';

/** @param stuck what is wrong with the storage of the node besides its pools */
export function healthFamilies(
  source: InventorySource,
  stuck: () => readonly Condition<StorageReasonName>[],
): Families {
  return {
    gauges: [
      {
        name: 'quarry_volume_health',
        help: 'Volumes of a pool that are not well, by CSI status and reason',
        labelNames: ['pool', 'status', 'reason'],
        collect() {
          this.reset();
          if (!source.reported) return;
          const inventory = source.current();
          for (const volume of inventory.volumes.values()) {
            if (volume.role !== undefined) continue;
            for (const { status, reason } of volumeHealth(volume, inventory))
              this.inc({ pool: volume.pool, status, reason });
          }
        },
      },
      {
        name: 'quarry_storage_health',
        help: 'Pools that are not well, by CSI status and reason: 1. Without a pool: the disks of the node',
        labelNames: ['pool', 'status', 'reason'],
        collect() {
          this.reset();
          if (!source.reported) return;
          const inventory = source.current();
          const ofDisks = storageHealth(inventory, [], stuck());
          for (const { status, reason } of ofDisks) this.set({ pool: '', status, reason }, 1);
          for (const pool of poolsOf(inventory)) {
            for (const { status, reason } of storageHealth(inventory, [pool])) this.set({ pool, status, reason }, 1);
          }
        },
      },
    ],
  };
}
