import { GiB, KiB, MiB } from '../../../src/domain/bytes.ts';
import type { PoolName, VgName } from '../../../src/domain/ids.ts';
import type { Pool } from '../../../src/domain/pool.ts';
import { noQos, type Qos, type Rates, type RateSettings } from '../../../src/domain/qos.ts';
import type { Volume } from '../../../src/domain/volume.ts';

export function poolWith(rates: Rates, reservable = 100, unreserved: Rates = {}): Pool {
  const name = 'fast' as PoolName;
  const group = 'vg' as VgName;
  const budget = { rates, reservable, unreserved };
  return {
    spec: {
      name,
      group,
      type: 'thick',
      approve: 'manual',
      stripes: 1,
      stripeSize: 64n * KiB,
      mirrors: 0,
      reserve: 0n,
      budget,
    },
    extentSize: 4n * MiB,
    size: 1024n * GiB,
    free: 1024n * GiB,
    deviceFree: [1024n * GiB],
    metadata: { size: 32n * MiB, free: 16n * MiB },
  };
}

export function volumeWith(lv: string, qos: Partial<Qos>, size = GiB): Volume {
  const [id, node, name] = [`node-1:${lv}`, 'node-1', lv];
  const layout = { type: 'thick', stripes: 1, stripeSize: 64n * KiB, mirrors: 0 };
  const rest = { pool: 'fast', group: 'vg', lv, size, layout, filesystem: 'none', mkfsOptions: [], state: 'ready' };
  return { id, node, name, ...rest, qos: { ...noQos, ...qos } } as unknown as Volume;
}

export function fixed(readIops: bigint | undefined): RateSettings {
  return readIops === undefined ? {} : { readIops: { fixed: readIops } };
}
