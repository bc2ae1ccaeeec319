import type { GaugeConfiguration } from 'prom-client';
import { type Condition, poolsOf, storageHealth, type StorageReasonName, volumeHealth } from '../../domain/health.ts';
import type { Families, Inventories } from '../../metrics/metrics.ts';

type Stuck = () => readonly Condition<StorageReasonName>[];

/** @param stuck on a node: what is wrong with its storage apart from its pools */
export function healthFamilies(inventories: Inventories, stuck: Stuck = () => []): Families {
  return { gauges: [ofVolumes(inventories), ofStorage(inventories, stuck)] };
}

function ofVolumes(inventories: Inventories): GaugeConfiguration<string> {
  return {
    name: 'quarry_volume_health',
    help: 'Volumes of a pool that are not well, by CSI status and reason',
    labelNames: ['node', 'pool', 'status', 'reason'],
    collect() {
      this.reset();
      for (const [node, inventory] of inventories()) {
        // Most nodes are well, and a controller may have a hundred thousand volumes.
        if (inventory.health.size === 0) continue;
        for (const volume of inventory.volumes.values()) {
          if (volume.role !== undefined) continue;
          for (const { status, reason } of volumeHealth(volume, inventory))
            this.inc({ node, pool: volume.pool, status, reason });
        }
      }
    },
  };
}

function ofStorage(inventories: Inventories, stuck: Stuck): GaugeConfiguration<string> {
  return {
    name: 'quarry_storage_health',
    help: 'Pools that are not well, by CSI status and reason: 1. Without a pool, on the node itself: its disks',
    labelNames: ['node', 'pool', 'status', 'reason'],
    collect() {
      this.reset();
      for (const [node, inventory] of inventories()) {
        for (const { status, reason } of storageHealth(inventory, [], stuck())) {
          this.set({ node, pool: '', status, reason }, 1);
        }
        for (const pool of poolsOf(inventory)) {
          for (const { status, reason } of storageHealth(inventory, [pool]))
            this.set({ node, pool, status, reason }, 1);
        }
      }
    },
  };
}
