import { Failure } from '../domain/errors.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import type { LvName, NodeName, VgName } from '../domain/ids.ts';
import type { Volume } from '../domain/volume.ts';
import type { Activation } from './activation.ts';
import type { InventoryCache } from './cache.ts';
import { copiedTo } from './copies/copy-source.ts';
import { lookUp, type LookedUp } from './look-up.ts';
import { refuseLost } from './mirrors/lost-volumes.ts';
import type { Lvm } from './process/lvm.ts';
import { decodeLv, type LvRecord } from './records.ts';
import { removalProblem } from './thin-pool.ts';

export interface RemovalOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly activation: Activation;
}

/**
 * Looks up what is to be removed, and activates its thin pool: in one that accepts no removal, LVM would do half of it. Throws as `lookUp` does, and
 * `unavailable` for such a pool, and `precondition` while it has thick snapshots; `what` begins the message.
 */
export async function lookUpForRemoval(
  options: RemovalOptions,
  removed: Volume | Snapshot,
  what: string,
  goneFrom?: NodeName,
): Promise<LookedUp | undefined> {
  const { cache, activation } = options;
  const spec = cache.spec(removed.pool);
  const isThin = 'layout' in removed ? removed.layout.type === 'thin' : removed.room === undefined;
  const thinPool = spec && isThin ? cache.thinPoolLv(spec) : undefined;
  let found = await lookUp(options, removed, { goneFrom, thinPool });
  if (found?.thinPool && !found.thinPool.active) {
    await activation.activatePool(what, removed.group, found.thinPool.lv);
    found = await lookUp(options, removed, { goneFrom, thinPool });
  }
  const problem = found?.thinPool && removalProblem(found.thinPool);
  if (problem !== undefined) throw new Failure('unavailable', `${what}: ${problem}`);
  if (found && decodeLv(found.row).isThickOrigin) await refuseThickSnapshots(cache, what, removed);
  if (found) refuseLost(cache, removed, decodeLv(found.row));
  return found;
}

/**
 * LVM removes the thick snapshots of a logical volume with it, those that a person made, too, and does not extend it while it has some.
 * Throws `precondition` with their names, after a new report.
 */
export async function refuseThickSnapshots(
  cache: InventoryCache,
  what: string,
  { group, lv }: { readonly group: VgName; readonly lv: LvName },
): Promise<void> {
  await cache.refresh();
  const all = cache.report().volumes.filter((one) => one.group === group && one.thickSnapshot?.origin === lv);
  const names = all.map((one) => one.tags.get('id') ?? copyNameOf(one) ?? `${group}/${one.lv}`);
  throw new Failure('precondition', `${what}: it has snapshots (${names.join(', ')}): delete them first`);
}

function copyNameOf(record: LvRecord): string | undefined {
  const copy = copiedTo(record);
  return copy && `that of its copy ${copy}, which is being made`;
}
