import type { GaugeConfiguration } from 'prom-client';
import type { Pool } from '../domain/pool.ts';
import { poolsOf } from '../domain/health.ts';
import type { DiskSample, Inventories } from './metrics.ts';

const perPool: readonly { name: string; help: string; value: (pool: Pool) => number | undefined }[] = [
  { name: 'quarry_pool_size_bytes', help: 'Size of the volume group', value: (pool) => Number(pool.size) },
  { name: 'quarry_pool_free_bytes', help: 'Unallocated bytes of the volume group', value: (pool) => Number(pool.free) },
  {
    name: 'quarry_pool_metadata_free_bytes',
    help: 'Free bytes of the metadata area of the volume group',
    value: (pool) => Number(pool.metadata.free),
  },
  {
    name: 'quarry_pool_thin_size_bytes',
    help: 'Size of the data of the thin pool',
    value: ({ thin }) => thin && Number(thin.size),
  },
  {
    name: 'quarry_pool_thin_promised_bytes',
    help: 'Sum of the virtual sizes in the thin pool, foreign volumes included',
    value: ({ thin }) => thin && Number(thin.promised),
  },
  {
    name: 'quarry_pool_thin_data_ratio',
    help: 'Used part of the data of the thin pool, 0 to 1',
    value: ({ thin }) => thin && thin.dataPercent / 100,
  },
  {
    name: 'quarry_pool_thin_metadata_ratio',
    help: 'Used part of the metadata of the thin pool, 0 to 1',
    value: ({ thin }) => thin && thin.metadataPercent / 100,
  },
];

/** Sizes in bytes, shares from 0 to 1, ages in seconds. No samples of a node before its first report of LVM. */
export function poolGauges(inventories: Inventories): GaugeConfiguration<string>[] {
  const ofPools = perPool.map(({ name, help, value }): GaugeConfiguration<string> => ({
    name,
    help,
    labelNames: ['node', 'pool'],
    collect() {
      this.reset();
      for (const [node, { pools }] of inventories()) {
        for (const [pool, state] of pools) {
          const sample = value(state);
          if (sample !== undefined) this.set({ node, pool }, sample);
        }
      }
    },
  }));
  const ready: GaugeConfiguration<string> = {
    name: 'quarry_pool_ready',
    help: '1 if the pool serves, 0 if it cannot: the log of the node says why',
    labelNames: ['node', 'pool'],
    collect() {
      this.reset();
      for (const [node, inventory] of inventories()) {
        for (const pool of poolsOf(inventory)) this.set({ node, pool }, inventory.unready.has(pool) ? 0 : 1);
      }
    },
  };
  const age: GaugeConfiguration<string> = {
    name: 'quarry_inventory_age_seconds',
    help: 'Seconds since the last successful report of LVM',
    labelNames: ['node'],
    collect() {
      this.reset();
      for (const [node, { reportedAt }] of inventories()) this.set({ node }, (Date.now() - reportedAt) / 1000);
    },
  };
  return [ready, ...ofPools, age];
}

/** Counts the disks of the last scan, by pool and verdict. */
export function diskGauges(disks: () => readonly DiskSample[]): GaugeConfiguration<string>[] {
  return [
    {
      name: 'quarry_disks',
      help: 'Disks that match a rule, by pool and verdict: proposed ones wait for "quarry disks approve"',
      labelNames: ['pool', 'verdict'],
      collect() {
        this.reset();
        for (const disk of disks()) this.inc({ pool: disk.pool.name, verdict: disk.verdict });
      },
    },
  ];
}
