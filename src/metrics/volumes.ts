import type { GaugeConfiguration } from 'prom-client';
import { type RateKey, rateKeys, type Rates } from '../domain/qos.ts';
import { promisable, reservedBy, sumOf } from '../domain/reservations.ts';
import type { Pool } from '../domain/pool.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Inventories } from './metrics.ts';

/** The direction of a rate, as a label; the unit is in the metric's name. */
const directions = {
  readIops: { unit: 'operations', direction: 'read' },
  writeIops: { unit: 'operations', direction: 'write' },
  readBandwidth: { unit: 'bytes', direction: 'read' },
  writeBandwidth: { unit: 'bytes', direction: 'write' },
} as const satisfies Record<RateKey, { unit: 'operations' | 'bytes'; direction: 'read' | 'write' }>;

/** The units of rates, a second. */
export const rateUnits = ['operations', 'bytes'] as const;
/** One of `rateUnits`. */
export type RateUnit = (typeof rateUnits)[number];

/** The rates of one unit, by direction; one that is absent has no bound. */
export function ratesIn(unit: RateUnit, rates: Rates): { direction: 'read' | 'write'; value: number }[] {
  return rateKeys.flatMap((key) => {
    const value = rates[key];
    const known = directions[key];
    return value === undefined || known.unit !== unit ? [] : [{ direction: known.direction, value: Number(value) }];
  });
}

/** How many volumes and snapshots the pools have, and how much of their budget is reserved. */
export function contentGauges(inventories: Inventories): GaugeConfiguration<string>[] {
  const counts = [
    counted('quarry_volumes', 'Volumes of a pool, with inline volumes and unfinished copies', inventories, 'volumes'),
    counted('quarry_snapshots', 'Snapshots in a pool', inventories, 'snapshots'),
  ];
  const budgets = rateUnits.flatMap((unit) => [
    budgeted('reservable', unit, 'of the budget of a pool that may be reserved', inventories, ({ spec }) =>
      spec.budget ? promisable(spec.budget) : {},
    ),
    budgeted('reserved', unit, 'that are reserved in a pool with a budget', inventories, reservedIn),
  ]);
  return [...counts, ...budgets];
}

function counted(
  name: string,
  help: string,
  inventories: Inventories,
  which: 'volumes' | 'snapshots',
): GaugeConfiguration<string> {
  return {
    name,
    help,
    labelNames: ['node', 'pool'],
    collect() {
      this.reset();
      for (const [node, inventory] of inventories()) {
        const sums = new Map<string, number>([...inventory.pools.keys()].map((pool) => [pool, 0]));
        for (const { pool } of inventory[which].values()) sums.set(pool, (sums.get(pool) ?? 0) + 1);
        for (const [pool, sum] of sums) this.set({ node, pool }, sum);
      }
    },
  };
}

function budgeted(
  what: 'reservable' | 'reserved',
  unit: RateUnit,
  help: string,
  inventories: Inventories,
  ratesOf: (pool: Pool, inventory: Inventory) => Rates,
): GaugeConfiguration<string> {
  return {
    name: `quarry_pool_${what}_${unit}_per_second`,
    help: `${unit === 'bytes' ? 'Bytes' : 'Operations'} a second ${help}, by direction`,
    labelNames: ['node', 'pool', 'direction'],
    collect() {
      this.reset();
      for (const [node, inventory] of inventories()) {
        for (const [name, pool] of inventory.pools) {
          // Most pools have no budget, and a sum reads every volume.
          if (!pool.spec.budget) continue;
          for (const { direction, value } of ratesIn(unit, ratesOf(pool, inventory)))
            this.set({ node, pool: name, direction }, value);
        }
      }
    },
  };
}

/** 0 for a budgeted rate of which nothing is reserved. */
function reservedIn({ spec }: Pool, { volumes }: Inventory): Rates {
  const none = Object.keys(spec.budget?.rates ?? {}).map((key) => [key, 0n] as const);
  const held = [...volumes.values()].filter(({ pool }) => pool === spec.name).map(reservedBy);
  return { ...Object.fromEntries(none), ...sumOf(held) };
}
