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
import { createGroupSnapshotsService } from '../wire/group-snapshots.ts';
import { createSnapshotsService } from '../wire/snapshots.ts';
import { createVolumesService } from '../wire/volumes-service.ts';
import { type Address, type Controllers, keyOf, type Resolve, resolveName } from './addresses.ts';
import { Dialer } from './dialer.ts';
import { Connection } from './connection.ts';
import { createCredentials } from './credentials.ts';
import { openTransport } from './transport.ts';

export interface FleetClientOptions {
  readonly controllers: readonly Controllers[];
  /** The authority of the controllers' certificates; without a token, also the node's own certificate. */
  readonly files: CredentialFiles;
  /** Path of the file with the bearer token. */
  readonly token?: string | undefined;
  readonly storage: Storage;
  readonly driver: string;
  readonly driverVersion: string;
  readonly log: Log;
  /** Milliseconds after which names are looked up and files are read again. */
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
  /** The methods that each controller may call. */
  readonly #methods: ReadonlyMap<string, Handler>;
  readonly #instance = randomUUID();
  readonly #dialers = new Map<string, Dialer>();
  readonly #connections = new Set<Connection>();
  readonly #readCredentials: ReturnType<typeof createCredentials>;
  readonly #lookups: ReturnType<typeof createRepeater>;
  #stopped = false;

  constructor(options: FleetClientOptions) {
    const { files, token, log, look = 10_000 } = options;
    this.#options = options;
    this.#protocol = options.protocol ?? loadProtocol();
    this.#methods = new Map([
      ...serve(this.#protocol.volumes, createVolumesService(options.storage)),
      ...serve(this.#protocol.snapshots, createSnapshotsService(options.storage.snapshots)),
      ...serve(this.#protocol.snapshots, createGroupSnapshotsService(options.storage.groupSnapshots)),
    ]);
    this.#readCredentials = createCredentials({
      files,
      token,
      certificateChanged: () => this.#connections.forEach((one) => one.leave('the certificate has changed')),
      tokenChanged: (fresh) => this.#connections.forEach((one) => one.offer(fresh)),
    });
    this.#lookups = createRepeater({
      task: () => this.#look(),
      every: look,
      delay: look,
      failed: (error) => log.warn({ reason: messageOf(error) }, 'the controllers could not be looked up'),
    });
  }

  start(): void {
    this.#lookups.now();
  }

  /** Call it when the inventory may have changed. */
  changed(): void {
    for (const connection of this.#connections) connection.report();
  }

  /** The number of controllers that have welcomed this node. */
  get connected(): number {
    return [...this.#connections].filter(({ welcomed }) => welcomed).length;
  }

  /** Ends every connection. Calls in flight get `deadline` milliseconds to end and to be answered. */
  async stop(deadline = 0): Promise<void> {
    this.#stopped = true;
    await this.#lookups.stop();
    const late = new AbortController();
    const finished = Promise.all([...this.#connections].map((connection) => connection.finish()));
    await Promise.race([finished, wait(deadline, undefined, late).catch(() => undefined)]);
    late.abort();
    const ends = [...this.#dialers.values()].map((dialer) => dialer.stop());
    for (const connection of this.#connections) connection.close('this node is stopping');
    await Promise.all(ends);
  }

  async #look(): Promise<void> {
    const { controllers, resolve = resolveName, log, random = Math.random } = this.#options;
    await this.#readCredentials().catch((error: unknown) =>
      log.warn({ reason: messageOf(error) }, 'credentials unreadable'),
    );
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
    for (const [key, dialer] of this.#dialers) {
      // While a name cannot be looked up, its last known addresses stay wanted.
      if (!unknown.has(dialer.address.name)) dialer.wanted = wanted.has(key);
      if (dialer.over) this.#dialers.delete(key);
    }
    for (const [key, address] of wanted) {
      if (this.#dialers.has(key) || this.#stopped) continue;
      this.#dialers.set(key, new Dialer({ address, log, random, dial: (to) => this.#dial(to) }));
    }
  }

  async #dial(address: Address): Promise<Connection> {
    const { storage, driver, driverVersion, timing = defaultTiming, log } = this.#options;
    const credentials = await this.#readCredentials();
    const connection = new Connection({
      address,
      open: () => openTransport({ address, ...credentials }),
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
    this.#connections.add(connection);
    void connection.ended.then(() => this.#connections.delete(connection));
    if (this.#stopped) connection.close('this node is stopping');
    return connection;
  }
}
