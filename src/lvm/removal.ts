import { Failure } from '../domain/errors.ts';
import type { NodeName } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { Volume } from '../domain/volume.ts';
import type { Activation } from './activation.ts';
import type { InventoryCache } from './cache.ts';
import { lookUp, type LookedUp } from './look-up.ts';
import type { Lvm } from './lvm.ts';
import { removalProblem } from './thin-pool.ts';

export interface RemovalOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly activation: Activation;
}

/**
 * Looks up what is to be removed, and activates its thin pool: in one that accepts no removal, LVM would do half of it. Throws as `lookUp` does, and
 * `unavailable` for such a pool; `what` begins the message.
 */
export async function lookUpForRemoval(
  options: RemovalOptions,
  removed: Volume | Snapshot,
  what: string,
  goneFrom?: NodeName,
): Promise<LookedUp | undefined> {
  const { cache, activation } = options;
  const spec = cache.spec(removed.pool);
  const isThin = !('layout' in removed) || removed.layout.type === 'thin';
  const thinPool = spec && isThin ? cache.thinPoolLv(spec) : undefined;
  let found = await lookUp(options, removed, { goneFrom, thinPool });
  if (found?.thinPool && !found.thinPool.active) {
    await activation.activatePool(what, removed.group, found.thinPool.lv);
    found = await lookUp(options, removed, { goneFrom, thinPool });
  }
  const problem = found?.thinPool && removalProblem(found.thinPool);
  if (problem !== undefined) throw new Failure('unavailable', `${what}: ${problem}`);
  return found;
}
