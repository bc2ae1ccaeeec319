import type { Bytes, SizeRange } from './bytes.ts';
import { largestVolume, roundedSize, sizeUnit, withOverhead } from './capacity.ts';
import { encryptionFrom, type Luks2, netSize } from './encryption.ts';
import { isFailure } from './errors.ts';
import type { PoolName } from './ids.ts';
import { type ClassParameters, layoutFor } from './parameters.ts';
import type { Pool } from './pool.ts';
import { largestReserved, reservableRates } from './reservations.ts';
import { applyChange, noQos } from './qos.ts';
import type { Inventory } from './storage.ts';
import type { Layout } from './volume.ts';

/** The pool, layout and room of a class on one node. */
export interface Offer {
  readonly pool: Pool;
  readonly layout: Layout;
  /** The largest volume that can be made now, according to the node's last report. */
  readonly room: Bytes;
  /** Sizes are multiples of this. */
  readonly unit: Bytes;
  /** What each volume takes on top of its size follows from it; `undefined`: nothing. */
  readonly encryption: Luks2 | undefined;
}

/**
 * Why a node cannot have a volume: it has no such pool, its pool cannot serve now, the pool cannot have such volumes, the node cannot
 * encrypt, none of the sizes asked for can be made in it, or there is no room.
 */
export type RefusalReason = 'no-pool' | 'not-ready' | 'invalid' | 'no-encryption' | 'out-of-range' | 'full';

export interface Refused {
  readonly reason: RefusalReason;
  readonly message: string;
}

/** The pool of a class that names none is the node's default. */
export function poolNameOf(inventory: Inventory, { pool }: ClassParameters): PoolName | undefined {
  return pool ?? inventory.defaultPool;
}

/** The class's offer according to the node's last report, or why there is none. */
export function offerOf(inventory: Inventory, parameters: ClassParameters): Offer | Refused {
  const name = poolNameOf(inventory, parameters);
  if (name === undefined) return { reason: 'no-pool', message: 'it has no pool' };
  const pool = inventory.pools.get(name);
  if (!pool) {
    const unready = inventory.unready.get(name);
    if (unready !== undefined) return { reason: 'not-ready', message: `pool ${name} is not ready: ${unready}` };
    return { reason: 'no-pool', message: `it has no pool ${name}` };
  }
  const layout = attempt(() => layoutFor(pool.spec, parameters), 'invalid');
  if ('message' in layout) return { reason: 'invalid', message: layout.message };
  const encryption = encryptionFrom(parameters);
  if (encryption && pool.encryptionProblem !== undefined)
    return { reason: 'no-encryption', message: `it can have no encrypted volume: ${pool.encryptionProblem}` };
  if (encryption?.integrity && pool.integrityProblem !== undefined)
    return { reason: 'no-encryption', message: `it can have no volume with integrity: ${pool.integrityProblem}` };
  const room = netSize(encryption, roomFor(inventory, pool, layout, parameters));
  return { pool, layout, room, encryption, unit: sizeUnit(pool, layout) };
}

/** The room that remains if the pool has to promise the class's reservations too. */
function roomFor({ volumes }: Inventory, pool: Pool, layout: Layout, { qos }: ClassParameters): Bytes {
  const most = largestVolume(pool, layout);
  if (most === 0n || Object.keys(qos.reservations).length === 0) return most;
  const left = reservableRates(pool, volumes.values());
  return largestReserved(left, applyChange(noQos, qos), sizeUnit(pool, layout), most);
}

/** Why no volume of the range fits the offer; `undefined` if one fits, as far as is known. */
export function shortfallOf({ pool, layout, room, encryption }: Offer, range: SizeRange): Refused | undefined {
  const size = attempt(
    () => netSize(encryption, roundedSize(pool, layout, withOverhead(range, encryption))),
    'out-of-range',
  );
  if (typeof size !== 'bigint') return { reason: 'out-of-range', message: size.message };
  if (size <= room) return undefined;
  return { reason: 'full', message: `pool ${pool.spec.name} has room for ${room} bytes; ${size} were asked for` };
}

/** The result, or a failure of that kind; any other is thrown. */
function attempt<T extends object | bigint>(decide: () => T, kind: 'invalid' | 'out-of-range'): T | Error {
  try {
    return decide();
  } catch (error) {
    if (isFailure(error, kind)) return error;
    throw error;
  }
}
