import { setTimeout as sleep } from 'node:timers/promises';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Log } from '../log.ts';
import type { Api } from './api.ts';
import { listAll } from './list.ts';
import { status, versioned, watchEvent } from './objects.ts';

export interface InformerOptions<Value> {
  readonly api: Api;
  /** `/api/v1/nodes` */
  readonly path: string;
  /** The key and the part of an object to keep; `undefined` to ignore the object. */
  readonly read: (object: unknown) => readonly [key: string, value: Value] | undefined;
  /** Called for each object that the API server reports as deleted. */
  readonly removed?: (key: string) => void;
  readonly log: Log;
  /** Milliseconds between attempts; doubles after each failure, up to `most`. */
  readonly backoff?: { readonly least: number; readonly most: number };
  readonly now?: () => number;
}

/** The known objects of a kind. */
export interface View<Value> {
  readonly entries: ReadonlyMap<string, Value>;
  /** Every change since this time was seen, by the clock of `now`. */
  readonly since: number;
}

/** All objects of a kind, followed change by change. */
export interface Informer<Value> {
  start(): void;
  /** `undefined` before the first list, and while no watch reports changes: unknown is not absent. */
  view(): View<Value> | undefined;
  stop(): Promise<void>;
}

/** Seconds after which the API server ends a watch, so that a dead connection is noticed. */
const watchSeconds = 300;
/** A watch that lasts this many milliseconds counts as a success. */
const lasting = 1000;

export function createInformer<Value>(options: InformerOptions<Value>): Informer<Value> {
  const { log, path, backoff = { least: 500, most: 30_000 }, now = Date.now } = options;
  const stopped = new AbortController();
  const follower = new Follower(options, now);
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    for (let failures = 0; !stopped.signal.aborted;) {
      const began = performance.now();
      try {
        await follower.follow(stopped.signal);
        failures = performance.now() - began < lasting ? failures + 1 : 0;
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (failures === 0) log.warn({ path, reason: messageOf(error) }, 'the API server cannot be followed');
        failures += 1;
      }
      if (failures > 0) await pause(Math.min(backoff.most, backoff.least * 2 ** (failures - 1)), stopped.signal);
    }
  }
  return {
    start: () => void (running ??= run()),
    view: () => follower.view(),
    async stop() {
      stopped.abort(new Failure('cancelled', 'stopping'));
      await running;
    },
  };
}

/** Waits between half and all of the time, so that many clients that failed at once do not return at once. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined);
}

class Follower<Value> {
  readonly #options: InformerOptions<Value>;
  readonly #now: () => number;
  #entries = new Map<string, Value>();
  #version: string | undefined;
  #since = 0;
  #connected = false;

  constructor(options: InformerOptions<Value>, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  view(): View<Value> | undefined {
    return this.#connected ? { entries: this.#entries, since: this.#since } : undefined;
  }

  /** Lists, unless a watch can continue where the last one ended, and then watches until the end of the watch. */
  async follow(signal: AbortSignal): Promise<void> {
    this.#version ??= await this.#list(signal);
    const { api, path } = this.#options;
    const query = `allowWatchBookmarks=true&timeoutSeconds=${watchSeconds}`;
    const ending = AbortSignal.any([signal, AbortSignal.timeout((watchSeconds + 30) * 1000)]);
    const watch = await api.stream(`${path}?watch=true&resourceVersion=${this.#version}&${query}`, ending);
    try {
      if (watch.status !== 200) throw this.#refused(watch.status);
      this.#connected = true;
      for await (const line of watch.lines) this.#take(line);
    } finally {
      this.#connected = false;
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { api, path, read } = this.#options;
    const entries = new Map<string, Value>();
    const began = this.#now();
    const version = await listAll(api, path, signal, (object) => {
      const entry = read(object);
      if (entry) entries.set(...entry);
    });
    this.#entries = entries;
    this.#since = began;
    return version;
  }

  #take(line: unknown): void {
    const { type, object } = watchEvent.parse(line);
    if (type === 'ERROR') {
      const { code, message } = status.parse(object);
      throw this.#refused(code ?? 0, message);
    }
    this.#version = versioned.parse(object).metadata.resourceVersion;
    if (type === 'BOOKMARK') return;
    const entry = this.#options.read(object);
    if (!entry) return;
    if (type !== 'DELETED') return void this.#entries.set(...entry);
    this.#entries.delete(entry[0]);
    this.#options.removed?.(entry[0]);
  }

  /** After 410 the API server no longer has the changes in between, so a new list is needed. */
  #refused(code: number, message = 'no reason given'): Failure {
    this.#version = undefined;
    return new Failure('unavailable', `the API server ended the watch of ${this.#options.path}: ${code} ${message}`);
  }
}
