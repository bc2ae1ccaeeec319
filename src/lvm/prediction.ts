import { type Bytes, largest } from '../domain/bytes.ts';
import type { Pool } from '../domain/pool.ts';
import type { Layout } from '../domain/volume.ts';

/**
 * The pool's numbers after volumes of this layout grew by `size` (negative: shrank), until the next report has the exact ones. Without
 * this, each command would need a report, which costs as much as the command.
 */
export function afterGrowth(pool: Pool, layout: Layout, size: Bytes): Pool {
  if (layout.type === 'thin') {
    return pool.thin ? { ...pool, thin: { ...pool.thin, promised: largest(pool.thin.promised + size, 0n) } } : pool;
  }
  const legs = layout.stripes * (layout.mirrors + 1);
  const used = size * BigInt(layout.mirrors + 1);
  return {
    ...pool,
    free: largest(pool.free - used, 0n),
    deviceFree: spread(pool.deviceFree, legs, used),
  };
}

/** LVM puts the legs on the emptiest devices; a linear volume continues on the next device when one is full. */
function spread(deviceFree: readonly Bytes[], legs: number, used: Bytes): Bytes[] {
  const devices = [...deviceFree].sort((a, b) => (a < b ? 1 : -1));
  const perLeg = used / BigInt(legs);
  let over = 0n;
  return devices.map((free, index) => {
    const wanted = (index < legs ? perLeg : 0n) + over;
    const left = largest(free - wanted, 0n);
    over = wanted - (free - left);
    return left;
  });
}
