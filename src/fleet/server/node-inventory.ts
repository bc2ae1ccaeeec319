import { Failure } from '../../domain/errors.ts';
import {
  type LvName,
  type NodeName,
  parseNodeName,
  type PoolName,
  type SnapshotId,
  type VolumeId,
} from '../../domain/ids.ts';
import type { Condition } from '../../domain/health.ts';
import type { Notice, ReportedJob } from '../../domain/news.ts';
import type { Pool } from '../../domain/pool.ts';
import type { Rates } from '../../domain/qos.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Record as RecordMessage } from '../../gen/quarry/fleet/v1/Record.ts';
import type { Records } from '../../gen/quarry/fleet/v1/Records.ts';
import { readAge } from '../wire/bounds.ts';
import { readJob, readNotice, readUse } from '../wire/news.ts';
import { readHealth, readHealthKey } from '../wire/health.ts';
import { readPool } from '../wire/pools.ts';
import type { RecordCodec, RecordKind } from '../wire/records.ts';
import { readSnapshot, readSnapshotId } from '../wire/snapshots.ts';
import { readPoolName, readVolumeId } from '../wire/names.ts';
import { readVolume } from '../wire/volumes.ts';

/** More than LVM can keep on a node. */
const mostVolumes = 16_384;
const mostPools = 256;
/** Of jobs, of notices, and of volumes in use: at least twice what a node of ours reports. */
const mostNews = 512;
/** Characters of why a pool is not ready. */
const longestReason = 1024;

interface Content {
  readonly pools: Map<PoolName, Pool>;
  readonly volumes: Map<VolumeId, Volume>;
  /** From the ids of volumes that were born on the node. */
  readonly names: Set<LvName>;
  readonly snapshots: Map<SnapshotId, Snapshot>;
  readonly given: Map<VolumeId, NodeName>;
  /** From the ids of volumes that it gave away. */
  readonly givenNames: Set<LvName>;
  readonly unready: Map<PoolName, string>;
  readonly health: Map<string, readonly Condition[]>;
  readonly jobs: Map<string, ReportedJob>;
  readonly notices: Map<string, Notice>;
  readonly uses: Map<VolumeId, Rates>;
  defaultPool: PoolName | undefined;
  /** The volume that was read last. */
  latest: Volume | undefined;
}

/** A record as it arrived, on the node that sent it. */
interface Arrived {
  readonly key: string;
  readonly payload: Buffer;
  readonly node: NodeName;
  readonly codec: RecordCodec;
}

/** Applies the records of a kind to the content. Both throw `invalid` for what no node of ours sends. */
interface Applier {
  put(content: Content, record: Arrived): void;
  remove(content: Content, key: string, node: NodeName): void;
}

const appliers: Readonly<Record<RecordKind, Applier>> = {
  volume: {
    put(content, { key, payload, node, codec }) {
      const volume = readVolume(codec.read('volume', payload), node, content.latest);
      refuseKey(key, volume.id);
      content.volumes.set(volume.id, volume);
      content.latest = volume;
      const born = readVolumeId(volume.id);
      if (born.node === node) content.names.add(born.lv === volume.lv ? volume.lv : born.lv);
    },
    remove({ volumes, names }, key, from) {
      const { id, lv, node } = readVolumeId(key);
      if (volumes.delete(id) && node === from) names.delete(lv);
    },
  },
  given: {
    put({ given, givenNames }, { key, payload, node, codec }) {
      const [born, to] = [readVolumeId(key), parseNodeName(codec.read('given', payload).to)];
      // A node decides only where volumes went that were born on it.
      if (born.node !== node || !to) throw new Failure('invalid', `node ${node} has no volume ${born.id} to give`);
      given.set(born.id, to);
      givenNames.add(born.lv);
    },
    remove({ given, givenNames }, key) {
      const { id, lv } = readVolumeId(key);
      if (given.delete(id)) givenNames.delete(lv);
    },
  },
  snapshot: {
    put({ snapshots }, { key, payload, node, codec }) {
      const snapshot = readSnapshot(codec.read('snapshot', payload), node);
      refuseKey(key, snapshot.id);
      snapshots.set(snapshot.id, snapshot);
    },
    remove: ({ snapshots }, key) => void snapshots.delete(readSnapshotId(key)),
  },
  pool: {
    put({ pools }, { key, payload, codec }) {
      const pool = readPool(codec.read('pool', payload));
      refuseKey(key, pool.spec.name);
      pools.set(pool.spec.name, pool);
    },
    remove: ({ pools }, key) => void pools.delete(readPoolName(key)),
  },
  'unready-pool': {
    put({ unready }, { key, payload, codec }) {
      unready.set(readPoolName(key), codec.read('unready-pool', payload).reason.slice(0, longestReason));
    },
    remove: ({ unready }, key) => void unready.delete(readPoolName(key)),
  },
  health: {
    put: ({ health }, { key, payload, codec }) =>
      void health.set(readHealthKey(key), readHealth(codec.read('health', payload))),
    remove: ({ health }, key) => void health.delete(key),
  },
  node: {
    put(content, { payload, codec }) {
      const { defaultPool } = codec.read('node', payload);
      if (defaultPool !== '') content.defaultPool = readPoolName(defaultPool);
    },
    remove: () => undefined,
  },
  job: {
    put: ({ jobs }, { key, payload, codec }) => void jobs.set(key, readJob(key, codec.read('job', payload))),
    remove: ({ jobs }, key) => void jobs.delete(key),
  },
  notice: {
    put({ notices }, { key, payload, codec }) {
      const notice = readNotice(key, codec.read('notice', payload));
      if (notice) notices.set(key, notice);
    },
    remove: ({ notices }, key) => void notices.delete(key),
  },
  use: {
    put({ uses, volumes }, { key, payload, codec }) {
      const use = readUse(key, codec.read('use', payload));
      // Thousands of nodes tell of uses: the id is kept once, with the volume.
      if (use) uses.set(volumes.get(use[0])?.id ?? use[0], use[1]);
    },
    remove: ({ uses }, key) => void uses.delete(key as VolumeId),
  },
};

/** The content of a node, as reported over one stream. */
export class NodeInventory {
  readonly #node: NodeName;
  readonly #codec: RecordCodec;
  #content: Content | undefined;
  /** A full report whose last part has not arrived. */
  #draft: Content | undefined;
  #inventory: Inventory | undefined;

  constructor(node: NodeName, codec: RecordCodec) {
    this.#node = node;
    this.#codec = codec;
  }

  /** `undefined` until all of a full report has arrived. */
  get inventory(): Inventory | undefined {
    return this.#inventory;
  }

  /** Whether a volume with that name in its id was born on the node: cheaper than to make the id, which counts where thousands of nodes are asked. */
  holds(name: LvName): boolean {
    return this.#content !== undefined && (this.#content.names.has(name) || this.#content.givenNames.has(name));
  }

  /**
   * Applies a part of a report record by record, with a yield after each, so that the caller can let other work run. Skips
   * kinds that are not known here. Throws `invalid` for a report that no node of ours sends; nothing of this inventory may be used then.
   */
  *applying({ full, more, records, removed, ageMs }: Records, now: number): Generator<void, void> {
    if (full) this.#draft = emptyContent();
    const target = this.#draft ?? this.#content;
    if (!target) throw new Failure('invalid', 'changes came before a full report');
    for (const record of records) {
      this.#put(target, record);
      yield;
    }
    for (const { kind, key } of removed) {
      applierOf(kind)?.remove(target, key, this.#node);
      yield;
    }
    refuseTooMany(target);
    if (more) return;
    this.#content = target;
    this.#draft = undefined;
    this.age(ageMs, now);
  }

  /** The same at once. */
  apply(report: Records, now: number): void {
    for (const _ of this.applying(report, now));
  }

  /** The node reports an age, not a time, because its clock may differ. */
  age(milliseconds: string, now: number): void {
    if (!this.#content) return;
    const { pools, volumes, snapshots, given, unready, health, defaultPool, jobs, notices, uses } = this.#content;
    this.#inventory = {
      pools,
      volumes,
      snapshots,
      given,
      unready,
      health,
      defaultPool,
      news: { jobs, notices, uses },
      reportedAt: readAge(milliseconds, now),
    };
  }

  #put(target: Content, { kind, key, payload }: RecordMessage): void {
    applierOf(kind)?.put(target, { key, payload, node: this.#node, codec: this.#codec });
  }
}

function applierOf(kind: string): Applier | undefined {
  return Object.hasOwn(appliers, kind) ? appliers[kind as RecordKind] : undefined;
}

function refuseKey(key: string, own: string): void {
  if (key !== own) throw new Failure('invalid', `the record of ${own} has the key "${key.slice(0, 128)}"`);
}

function emptyContent(): Content {
  const [pools, volumes, snapshots] = [new Map(), new Map(), new Map()];
  const [given, unready, health] = [new Map(), new Map(), new Map()];
  const news = { jobs: new Map(), notices: new Map(), uses: new Map() };
  const [names, givenNames] = [new Set<LvName>(), new Set<LvName>()];
  const none = { defaultPool: undefined, latest: undefined };
  return { pools, volumes, snapshots, given, unready, health, ...news, names, givenNames, ...none };
}

function refuseTooMany({ volumes, snapshots, given, pools, unready, health, jobs, notices, uses }: Content): void {
  const kept = volumes.size + snapshots.size;
  if (jobs.size > mostNews || notices.size > mostNews || uses.size > mostNews)
    throw new Failure('invalid', 'there are more jobs, notices or uses than a node reports');
  if (health.size > mostVolumes + mostPools) throw new Failure('invalid', 'more is unhealthy than a node can have');
  if (kept <= mostVolumes && given.size <= mostVolumes && pools.size <= mostPools && unready.size <= mostPools) return;
  throw new Failure('invalid', `${kept} volumes and snapshots and ${pools.size} pools are more than a node can have`);
}
