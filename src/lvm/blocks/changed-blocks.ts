import type { Bytes } from '../../domain/bytes.ts';
import { type BlockQuery, clip, type Extent, ExtentMerger } from '../../domain/changed-blocks.ts';
import { headerOf } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, NodeName, SnapshotId } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { InventoryCache } from '../cache.ts';
import { lookUp } from '../look-up.ts';
import type { Lvm } from '../process/lvm.ts';
import type { ThinMetadata } from './thin-metadata.ts';

export interface ChangedBlocksOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly thinMetadata: ThinMetadata;
}

/** Extents in a list: a message between node and controller has room for them. */
const listed = 1024;

/** See `Snapshots.blocks`. */
export async function* readBlocks(
  options: ChangedBlocksOptions,
  { snapshot: id, base: baseId, from }: BlockQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly Extent[], void, undefined> {
  const target = await find(options, id);
  const base = baseId === undefined ? undefined : await find(options, baseId);
  if (base && (base.group !== target.group || base.thinPool !== target.thinPool)) {
    throw new Failure('precondition', `snapshots ${baseId} and ${id} are not in the same thin pool: copy all of ${id}`);
  }
  const pool = { group: target.group, lv: target.thinPool };
  const uuids = base ? ([base.uuid, target.uuid] as const) : ([target.uuid] as const);
  const merger = new ExtentMerger();
  let list: Extent[] = [];
  for await (const ranges of options.thinMetadata.ranges(pool, uuids, signal)) {
    for (const range of ranges) {
      const within = clip(range, from + target.header, target.size);
      const whole = within && merger.add({ ...within, start: within.start - target.header });
      if (whole) list.push(whole);
      if (list.length < listed) continue;
      yield list;
      list = [];
    }
  }
  const last = merger.end();
  if (last) list.push(last);
  if (list.length > 0) yield list;
}

/** A snapshot as LVM shows it now. */
interface Found extends Pick<Snapshot, 'group' | 'size'> {
  readonly uuid: string;
  readonly thinPool: LvName;
  /** Bytes before the first that the volume's user has: offsets count from there. */
  readonly header: Bytes;
}

/** Throws `not-found`, and `precondition` for a thick one. */
async function find(options: ChangedBlocksOptions, id: SnapshotId): Promise<Found> {
  const snapshot = await options.cache.findSnapshot(id);
  const row = snapshot && snapshot.state !== 'creating' ? (await lookUp(options, snapshot))?.row : undefined;
  if (!snapshot || !row) throw new Failure('not-found', `snapshot ${id} does not exist on node ${options.node}`);
  refuseWithIntegrity(snapshot);
  const { group, size } = snapshot;
  const [thinPool, uuid] = [row['pool_lv'] ?? '', row['lv_uuid'] ?? ''];
  if (thinPool !== '') return { group, size, uuid, thinPool: thinPool as LvName, header: headerOf(snapshot) };
  throw new Failure('precondition', `snapshot ${id} is thick: LVM does not record its blocks, so copy all of it`);
}

/** dm-integrity puts its codes between the blocks, and has a journal: what changed below says nothing of the content. Throws `precondition`. */
function refuseWithIntegrity({ id, encryption }: Snapshot): void {
  if (encryption?.type !== 'luks2' || !encryption.integrity) return;
  throw new Failure('precondition', `snapshot ${id} is of a volume with encryptionIntegrity: copy all of it`);
}
