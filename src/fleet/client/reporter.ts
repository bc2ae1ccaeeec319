import { isDeepStrictEqual } from 'node:util';
import { noNews } from '../../domain/news.ts';
import type { Inventory } from '../../domain/storage.ts';
import type { RecordInit } from '../../gen/quarry/fleet/v1/Record.ts';
import type { RecordsInit } from '../../gen/quarry/fleet/v1/Records.ts';
import { writeJob, writeNotice } from '../wire/news.ts';
import { writeHealth } from '../wire/health.ts';
import { writeRates } from '../wire/qos.ts';
import { writePool } from '../wire/pools.ts';
import type { RecordCodec, RecordKind, RecordTypes } from '../wire/records.ts';
import { writeSnapshot } from '../wire/snapshots.ts';
import { writeVolume } from '../wire/volumes.ts';

/** So that a part with the longest names and options stays within a message. */
const recordsPerPart = 32;
const removedPerPart = 1000;

/** The records of a kind: the node's values by key, and the message of a value. */
interface Source<Kind extends RecordKind, Value> {
  readonly values: (inventory: Inventory) => ReadonlyMap<string, Value>;
  readonly message: (value: Value) => RecordTypes[Kind][1];
}

const source = <Kind extends RecordKind, Value>(_: Kind, given: Source<Kind, Value>): Source<Kind, unknown> =>
  given as Source<Kind, unknown>;

const sources: { readonly [Kind in RecordKind]: Source<Kind, unknown> } = {
  volume: source('volume', {
    values: ({ volumes }) => volumes,
    message: writeVolume,
  }),
  snapshot: source('snapshot', { values: ({ snapshots }) => snapshots, message: writeSnapshot }),
  given: source('given', { values: ({ given }) => given, message: (to) => ({ to }) }),
  pool: source('pool', { values: ({ pools }) => pools, message: writePool }),
  'unready-pool': source('unready-pool', { values: ({ unready }) => unready, message: (reason) => ({ reason }) }),
  health: source('health', { values: ({ health }) => health, message: writeHealth }),
  node: source('node', {
    values: ({ defaultPool }) => new Map([['', defaultPool]]),
    message: (defaultPool) => ({ defaultPool: defaultPool ?? '' }),
  }),
  job: source('job', { values: ({ news = noNews }) => news.jobs, message: writeJob }),
  notice: source('notice', { values: ({ news = noNews }) => news.notices, message: writeNotice }),
  use: source('use', { values: ({ news = noNews }) => news.uses, message: (rates) => ({ rates: writeRates(rates) }) }),
};

const kinds = Object.keys(sources) as RecordKind[];

/** Remembers what was reported over one stream, and so knows what to report next. */
export class Reporter {
  readonly #codec: RecordCodec;
  readonly #now: () => number;
  #reported: ReadonlyMap<RecordKind, Map<string, unknown>> | undefined;

  constructor(codec: RecordCodec, now: () => number) {
    this.#codec = codec;
    this.#now = now;
  }

  /** A full report the first time, then the changes; empty where there are none. */
  next(inventory: Inventory): RecordsInit[] {
    const full = this.#reported === undefined;
    const reported = (this.#reported ??= new Map(kinds.map((kind) => [kind, new Map()])));
    const changes = kinds.map((kind) => this.#changes(kind, reported.get(kind) ?? new Map(), inventory));
    const parts: RecordsInit[] = [
      ...chunked(
        changes.flatMap(({ records }) => records),
        recordsPerPart,
      ).map((records) => ({ records })),
      ...chunked(
        changes.flatMap(({ removed }) => removed),
        removedPerPart,
      ).map((removed) => ({ removed })),
    ];
    const ageMs = String(Math.max(0, this.#now() - inventory.reportedAt));
    for (const [index, part] of parts.entries()) {
      Object.assign(part, { ageMs, full: full && index === 0, more: index < parts.length - 1 });
    }
    return parts;
  }

  /** Brings `reported` up to date, and returns the difference. */
  #changes(kind: RecordKind, reported: Map<string, unknown>, inventory: Inventory) {
    const { values, message } = sources[kind];
    const now = values(inventory);
    const records: RecordInit[] = [];
    for (const [key, value] of now) {
      if (reported.has(key) && isDeepStrictEqual(reported.get(key), value)) continue;
      reported.set(key, value);
      records.push(this.#codec.write(kind, key, message(value)));
    }
    const removed = [...reported.keys()].filter((key) => !now.has(key)).map((key) => ({ kind, key }));
    for (const { key } of removed) reported.delete(key);
    return { records, removed };
  }
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
