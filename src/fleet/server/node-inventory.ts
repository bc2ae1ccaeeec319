import { Failure } from '../../domain/errors.ts';
import { type LvName, type NodeName, type PoolName, type VolumeId } from '../../domain/ids.ts';
import type { Pool } from '../../domain/pool.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Report } from '../../gen/quarry/fleet/v1/Report.ts';
import { readAge } from '../wire/bounds.ts';
import { readPool } from '../wire/pools.ts';
import { readPoolName, readVolume, readVolumeId } from '../wire/volumes.ts';

/** More than LVM can keep on a node: what claims more is no node of ours. */
const mostVolumes = 16_384;
const mostPools = 256;
/** Characters of why a pool is not ready. */
const longestReason = 1024;

interface Content {
  readonly pools: Map<PoolName, Pool>;
  readonly volumes: Map<VolumeId, Volume>;
  /** From the volumes' ids. */
  readonly names: Set<LvName>;
  unready: ReadonlyMap<PoolName, string>;
  defaultPool: PoolName | undefined;
}

/** What a node has told of itself over one stream. */
export class NodeInventory {
  readonly #node: NodeName;
  #content: Content | undefined;
  /** A full report whose last part has not come. */
  #draft: Content | undefined;
  #inventory: Inventory | undefined;

  constructor(node: NodeName) {
    this.#node = node;
  }

  /** `undefined` until all of a full report has come. */
  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  /** Whether a volume's id has that name: cheaper than to make the id, which counts where thousands of nodes are asked. */
  holds(name: LvName): boolean {
    return this.#content?.names.has(name) ?? false;
  }

  /**
   * Applies a report entry by entry, with a yield behind each, so that the caller can let other work have its turn. Throws `invalid` for a
   * report that no node of ours sends; nothing of this inventory may be used then.
   */
  *applying(report: Report, now: number): Generator<void, void> {
    if (report.full) this.#draft = emptyContent();
    const target = this.#draft ?? this.#content;
    if (!target) throw new Failure('invalid', 'changes came before a full report');
    for (const message of report.volumes) {
      const volume = readVolume(message, this.#node);
      target.volumes.set(volume.id, volume);
      target.names.add(readVolumeId(volume.id).lv);
      yield;
    }
    for (const text of report.removedVolumes) {
      const { id, lv } = readVolumeId(text);
      if (target.volumes.delete(id)) target.names.delete(lv);
      yield;
    }
    for (const message of report.pools) {
      const pool = readPool(message);
      target.pools.set(pool.spec.name, pool);
      yield;
    }
    for (const name of report.removedPools) target.pools.delete(readPoolName(name));
    if (report.unready) target.unready = readUnready(report.unready.reasons);
    if (report.defaultPool !== '') target.defaultPool = readPoolName(report.defaultPool);
    refuseTooMany(target);
    if (report.more) return;
    this.#content = target;
    this.#draft = undefined;
    this.age(report.ageMs, now);
  }

  /** The same at once. */
  apply(report: Report, now: number): void {
    for (const _ of this.applying(report, now));
  }

  /** The node's clock is not ours: it says how old its knowledge is, not when it got it. */
  age(milliseconds: string, now: number): void {
    if (!this.#content) return;
    const { pools, volumes, unready, defaultPool } = this.#content;
    this.#inventory = { pools, volumes, unready, defaultPool, reportedAt: readAge(milliseconds, now) };
  }
}

function emptyContent(): Content {
  return { pools: new Map(), volumes: new Map(), names: new Set(), unready: new Map(), defaultPool: undefined };
}

function readUnready(reasons: Readonly<Record<string, string>>): ReadonlyMap<PoolName, string> {
  return new Map(Object.entries(reasons).map(([name, reason]) => [readPoolName(name), reason.slice(0, longestReason)]));
}

function refuseTooMany({ volumes, pools, unready }: Content): void {
  if (volumes.size <= mostVolumes && pools.size <= mostPools && unready.size <= mostPools) return;
  throw new Failure('invalid', `${volumes.size} volumes and ${pools.size} pools are more than a node can have`);
}

/** How many entries a report has: what it costs to apply. */
export function entriesOf({ volumes, removedVolumes, pools, removedPools, unready }: Report): number {
  const reasons = unready ? Object.keys(unready.reasons).length : 0;
  return volumes.length + removedVolumes.length + pools.length + removedPools.length + reasons;
}
