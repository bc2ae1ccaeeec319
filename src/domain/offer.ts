import type { Bytes, SizeRange } from './bytes.ts';
import { largestVolume, roundedSize, sizeUnit, withOverhead } from './capacity.ts';
import { encryptionFrom, type Luks2, netSize } from './encryption.ts';
import { isFailure } from './errors.ts';
import type { PoolName } from './ids.ts';
import { type ClassParameters, layoutFor } from './parameters.ts';
import type { Pool } from './pool.ts';
import { largestReserved, promisableShare, refusedText, reservableRates, reservationProblems } from './reservations.ts';
import { applyChange, noQos, type Qos, type Rates } from './qos.ts';
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
  /** `undefined`: the class reserves nothing. */
  readonly reserving: Reserving | undefined;
}

interface Reserving {
  readonly qos: Qos;
  /** What the pool's budget leaves to reserve. */
  readonly left: Rates;
  /** The largest logical volume without a reservation. */
  readonly most: Bytes;
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
  const most = largestVolume(pool, layout);
  const unit = sizeUnit(pool, layout);
  const reserving = reservingOf(inventory, pool, parameters, most);
  const reserved = reserving ? largestReserved(reserving.left, reserving.qos, unit, most) : most;
  return { pool, layout, room: netSize(encryption, reserved), encryption, unit, reserving };
}

function reservingOf({ volumes }: Inventory, pool: Pool, { qos }: ClassParameters, most: Bytes): Reserving | undefined {
  if (most === 0n || Object.keys(qos.reservations).length === 0) return undefined;
  return { qos: applyChange(noQos, qos), left: reservableRates(pool, volumes.values()), most };
}

/** Why no volume of the range fits the offer; `undefined` if one fits, as far as is known. */
export function shortfallOf(offer: Offer, range: SizeRange): Refused | undefined {
  const { pool, layout, room, encryption } = offer;
  const gross = attempt(() => roundedSize(pool, layout, withOverhead(range, encryption)), 'out-of-range');
  if (typeof gross !== 'bigint') return { reason: 'out-of-range', message: gross.message };
  const size = netSize(encryption, gross);
  if (size <= room) return undefined;
  const problems = unpromised(offer, range)?.problems ?? [];
  if (problems.length > 0) return { reason: 'full', message: refusedText(pool, problems) };
  return { reason: 'full', message: `pool ${pool.spec.name} has room for ${room} bytes; ${size} were asked for` };
}

/** The reservations of the class that keep a volume of the range out of a pool that has the space for it; `undefined`: none do. */
export function unpromised(
  { pool, layout, encryption, reserving }: Offer,
  range: SizeRange,
): { readonly problems: readonly string[]; readonly share: bigint } | undefined {
  const size = attempt(() => roundedSize(pool, layout, withOverhead(range, encryption)), 'out-of-range');
  if (!reserving || typeof size !== 'bigint' || size > reserving.most) return undefined;
  const wanted = { qos: reserving.qos, size };
  const problems = reservationProblems(pool, reserving.left, wanted);
  return problems.length > 0 ? { problems, share: promisableShare(reserving.left, wanted) } : undefined;
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
