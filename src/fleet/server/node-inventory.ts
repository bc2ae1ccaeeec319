import { Failure } from '../../domain/errors.ts';
import { type LvName, type NodeName, parseNodeName, type PoolName, type VolumeId } from '../../domain/ids.ts';
import type { Pool } from '../../domain/pool.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Given } from '../../gen/quarry/fleet/v1/Given.ts';
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
  /** From the ids of volumes that were born on the node. */
  readonly names: Set<LvName>;
  readonly given: Map<VolumeId, NodeName>;
  /** From the ids of those that it gave away. */
  readonly givenNames: Set<LvName>;
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

  /** Whether a volume with that name in its id was born on the node: cheaper than to make the id, which counts where thousands of nodes are asked. */
  holds(name: LvName): boolean {
    return this.#content !== undefined && (this.#content.names.has(name) || this.#content.givenNames.has(name));
  }

  /**
   * Applies a report entry by entry, with a yield behind each, so that the caller can let other work have its turn. Throws `invalid` for a
   * report that no node of ours sends; nothing of this inventory may be used then.
   */
  *applying(report: Report, now: number): Generator<void, void> {
    if (report.full) this.#draft = emptyContent();
    const target = this.#draft ?? this.#content;
    if (!target) throw new Failure('invalid', 'changes came before a full report');
    yield* this.#applyVolumes(report, target);
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

  *#applyVolumes(report: Report, target: Content): Generator<void, void> {
    for (const message of report.volumes) {
      const volume = readVolume(message, this.#node);
      target.volumes.set(volume.id, volume);
      const born = readVolumeId(volume.id);
      if (born.node === this.#node) target.names.add(born.lv);
      yield;
    }
    for (const text of report.removedVolumes) {
      const { id, lv, node } = readVolumeId(text);
      if (target.volumes.delete(id) && node === this.#node) target.names.delete(lv);
      yield;
    }
    for (const message of report.given) {
      const { id, lv, to } = readGiven(message, this.#node);
      target.given.set(id, to);
      target.givenNames.add(lv);
      yield;
    }
    for (const text of report.removedGiven) {
      const { id, lv } = readVolumeId(text);
      if (target.given.delete(id)) target.givenNames.delete(lv);
      yield;
    }
  }

  /** The same at once. */
  apply(report: Report, now: number): void {
    for (const _ of this.applying(report, now));
  }

  /** The node's clock is not ours: it says how old its knowledge is, not when it got it. */
  age(milliseconds: string, now: number): void {
    if (!this.#content) return;
    const { pools, volumes, given, unready, defaultPool } = this.#content;
    this.#inventory = { pools, volumes, given, unready, defaultPool, reportedAt: readAge(milliseconds, now) };
  }
}

function emptyContent(): Content {
  const [pools, volumes, given, unready] = [new Map(), new Map(), new Map(), new Map()];
  return { pools, volumes, given, unready, names: new Set(), givenNames: new Set(), defaultPool: undefined };
}

function readUnready(reasons: Readonly<Record<string, string>>): ReadonlyMap<PoolName, string> {
  return new Map(Object.entries(reasons).map(([name, reason]) => [readPoolName(name), reason.slice(0, longestReason)]));
}

/** A node has a say only in what became of volumes that were born on it. */
function readGiven({ volume, to: name }: Given, node: NodeName): { id: VolumeId; lv: LvName; to: NodeName } {
  const [born, to] = [readVolumeId(volume), parseNodeName(name)];
  if (born.node === node && to) return { id: born.id, lv: born.lv, to };
  throw new Failure('invalid', `node ${node} has no volume ${born.id} to give`);
}

function refuseTooMany({ volumes, given, pools, unready }: Content): void {
  if (volumes.size <= mostVolumes && given.size <= mostVolumes && pools.size <= mostPools && unready.size <= mostPools)
    return;
  throw new Failure('invalid', `${volumes.size} volumes and ${pools.size} pools are more than a node can have`);
}

/** How many entries a report has: what it costs to apply. */
export function entriesOf(report: Report): number {
  const { volumes, removedVolumes, given, removedGiven, pools, removedPools, unready } = report;
  const reasons = Object.keys(unready?.reasons ?? {}).length + given.length + removedGiven.length;
  return volumes.length + removedVolumes.length + pools.length + removedPools.length + reasons;
}
