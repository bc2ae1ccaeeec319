import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import type { Storage } from '../../domain/storage.ts';
import type { Log } from '../../log.ts';
import type { CredentialFiles } from '../wire/credentials.ts';
import { loadProtocol, type Protocol, versions } from '../wire/protocol.ts';
import { type Handler, serve } from '../wire/responder.ts';
import { defaultTiming, type Timing } from '../wire/timing.ts';
import { createVolumesService } from '../wire/volumes-service.ts';
import { type Address, type Controllers, keyOf, type Resolve, resolveName } from './addresses.ts';
import { Dialer } from './dialer.ts';
import { Connection } from './connection.ts';
import { createCredentials } from './credentials.ts';

export interface FleetClientOptions {
  readonly controllers: readonly Controllers[];
  /** The authority that the controllers' certificates are of, and where there is no token the node's own certificate. */
  readonly files: CredentialFiles;
  /** Path of the file with the bearer token. */
  readonly token?: string | undefined;
  readonly storage: Storage;
  readonly driver: string;
  readonly driverVersion: string;
  readonly log: Log;
  /** Milliseconds between two looks at names and files. */
  readonly look?: number;
  readonly resolve?: Resolve;
  readonly timing?: Timing;
  /** Shared by the clients of one process, where there are many. */
  readonly protocol?: Protocol;
  /** From 0 to 1; for tests. */
  readonly random?: () => number;
}

/** Keeps one stream to each controller that the names resolve to. */
export class FleetClient {
  readonly #options: FleetClientOptions;
  readonly #protocol: Protocol;
  /** What each controller may call. */
  readonly #methods: ReadonlyMap<string, Handler>;
  readonly #instance = randomUUID();
  readonly #lanes = new Map<string, Dialer>();
  readonly #links = new Set<Connection>();
  readonly #readOwn: ReturnType<typeof createCredentials>;
  readonly #looks: ReturnType<typeof createRepeater>;
  #stopped = false;

  constructor(options: FleetClientOptions) {
    const { files, token, log, look = 10_000 } = options;
    this.#options = options;
    this.#protocol = options.protocol ?? loadProtocol();
    this.#methods = serve(this.#protocol.volumes, createVolumesService(options.storage));
    this.#readOwn = createCredentials({
      files,
      token,
      certificateChanged: () => this.#links.forEach((link) => link.leave('the certificate has changed')),
      tokenChanged: (fresh) => this.#links.forEach((link) => link.offer(fresh)),
    });
    this.#looks = createRepeater({
      task: () => this.#look(),
      every: look,
      delay: look,
      failed: (error) => log.warn({ reason: messageOf(error) }, 'the controllers could not be looked up'),
    });
  }

  start(): void {
    this.#looks.now();
  }

  /** The inventory may have changed. */
  changed(): void {
    for (const link of this.#links) link.tell();
  }

  /** Controllers that have let this node in. */
  get connected(): number {
    return [...this.#links].filter((link) => link.welcomed).length;
  }

  /** What is in flight has so many milliseconds to end, and its controller to be told. */
  async stop(deadline = 0): Promise<void> {
    this.#stopped = true;
    await this.#looks.stop();
    const late = new AbortController();
    const finished = Promise.all([...this.#links].map((link) => link.finish()));
    await Promise.race([finished, wait(deadline, undefined, late).catch(() => undefined)]);
    late.abort();
    const ends = [...this.#lanes.values()].map((lane) => lane.stop());
    for (const link of this.#links) link.close('this node is stopping');
    await Promise.all(ends);
  }

  async #look(): Promise<void> {
    const { controllers, resolve = resolveName, log, random = Math.random } = this.#options;
    await this.#readOwn().catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'credentials unreadable'));
    const found = await Promise.allSettled(controllers.map(async (name) => resolve(name)));
    const wanted = new Map<string, Address>();
    const unknown = new Set<string>();
    for (const [index, result] of found.entries()) {
      if (result.status === 'fulfilled') for (const address of result.value) wanted.set(keyOf(address), address);
      else {
        const { name = '' } = controllers[index] ?? {};
        unknown.add(name);
        log.warn({ name, reason: messageOf(result.reason) }, 'a name of controllers could not be looked up');
      }
    }
    for (const [key, lane] of this.#lanes) {
      // What a name stands for while it cannot be looked up is what it stood for.
      if (!unknown.has(lane.address.name)) lane.wanted = wanted.has(key);
      if (lane.over) this.#lanes.delete(key);
    }
    for (const [key, address] of wanted) {
      if (this.#lanes.has(key) || this.#stopped) continue;
      this.#lanes.set(key, new Dialer({ address, log, random, dial: (to) => this.#dial(to) }));
    }
  }

  async #dial(address: Address): Promise<Connection> {
    const { storage, driver, driverVersion, timing = defaultTiming, log } = this.#options;
    const own = await this.#readOwn();
    const link = new Connection({
      address,
      ...own,
      hello: {
        oldestVersion: versions.oldest,
        newestVersion: versions.newest,
        driver,
        driverVersion,
        node: storage.node,
        instance: this.#instance,
      },
      storage,
      methods: this.#methods,
      protocol: this.#protocol,
      timing,
      log,
      now: Date.now,
      changed: () => this.changed(),
    });
    this.#links.add(link);
    void link.ended.then(() => this.#links.delete(link));
    if (this.#stopped) link.close('this node is stopping');
    return link;
  }
}
