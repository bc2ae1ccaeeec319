import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceError } from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Guest } from '../../lab/guest.ts';
import type { ExecResult, Process } from '../../lab/process.ts';
import type { Role } from '../../src/config/schema.ts';
import { createCsiClient, type CsiClient } from './csi-client.ts';
import { GUEST_NODE } from './guest.ts';
import { bundleOnce, PROGRAM } from './program.ts';

/** Milliseconds for a start, and for a command, which may take the disks of many pools: a busy machine is slow. */
const PATIENCE_MS = 180_000;

export interface DriverOptions {
  /** Default: `all`. */
  readonly role?: Role;
  /** Default: node-1. A controller has none. */
  readonly node?: string;
  /** YAML of the list `pools`, indented as it stands under that key. A controller has none. */
  readonly pools?: string;
  /** YAML of further keys at the top: `lvm`, `rescan`. */
  readonly more?: string;
  /** Tells several drivers in one guest apart: `/etc/quarry/<name>.yaml`, `/run/<name>/csi.sock`. */
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before its command line: a program that becomes the driver. */
  readonly launcher?: readonly string[];
}

interface LaunchOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Further words of the command line. */
  readonly words?: readonly string[];
}

/** `quarry all` in a guest. */
export interface Driver extends AsyncDisposable {
  readonly config: string;
  readonly socket: string;
  readonly client: CsiClient;
  /** Its log since the first start. */
  log(): string;
  /** The first matching line of the running process; rejects if it ends without one. */
  logged(pattern: RegExp | string): Promise<string>;
  /** Starts it again; resolves when calls are accepted. */
  launch(options?: LaunchOptions): Promise<void>;
  /** Resolves when Probe says ready. */
  ready(): Promise<void>;
  /** SIGKILL to the driver only: its child processes continue. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the end of the process. */
  terminate(): Promise<ExecResult>;
  /** `launch` and `ready`, after `kill`. */
  restart(): Promise<void>;
  /** SIGKILL to the guest's kernel, boot and `restart`. */
  powerCut(): Promise<void>;
  /** Runs the command line with this driver's configuration. */
  quarry(...words: string[]): Promise<ExecResult>;
  /** The running process. */
  process(): Process;
}

/** Writes the configuration, and starts nothing yet. A text is the whole configuration except for the endpoint. */
export async function prepareDriver(guest: Guest, options: DriverOptions | string): Promise<Driver> {
  const { name = 'quarry', env = {}, role = 'all', launcher = [] } = typeof options === 'string' ? {} : options;
  const config = `/etc/quarry/${name}.yaml`;
  const socket = `/run/${name}/csi.sock`;
  const text = `endpoint: unix://${socket}\n${typeof options === 'string' ? options : configOf(options)}`;
  await bundleOnce();
  await guest.exec(['sh', '-c', 'mkdir -p /etc/quarry; cat > "$0"; sync', config], { input: text });
  const client = createCsiClient(`unix://${await guest.forward(socket)}`);
  return new GuestDriver(guest, config, socket, client, { env, role, launcher });
}

function configOf({ role, node = 'node-1', pools = '', more = '' }: DriverOptions): string {
  return role === 'controller' ? more : `node: ${node}\n${more}\npools:\n${pools}\n`;
}

export async function startDriver(guest: Guest, options: DriverOptions | string): Promise<Driver> {
  const driver = await prepareDriver(guest, options);
  await driver.launch();
  await driver.ready();
  return driver;
}

class GuestDriver implements Driver {
  readonly config: string;
  readonly socket: string;
  readonly client: CsiClient;
  readonly #guest: Guest;
  readonly #env: Readonly<Record<string, string>>;
  readonly #role: Role;
  readonly #launcher: readonly string[];
  #process: Process | undefined;
  #earlier = '';

  constructor(
    guest: Guest,
    config: string,
    socket: string,
    client: CsiClient,
    options: Required<Pick<DriverOptions, 'env' | 'role' | 'launcher'>>,
  ) {
    this.#guest = guest;
    this.config = config;
    this.socket = socket;
    this.client = client;
    this.#env = options.env;
    this.#role = options.role;
    this.#launcher = options.launcher;
  }

  process(): Process {
    if (this.#process === undefined) throw new Error('the driver was not started');
    return this.#process;
  }

  log(): string {
    return this.#earlier + (this.#process ? this.#process.stdout.text + this.#process.stderr.text : '');
  }

  logged(pattern: RegExp | string): Promise<string> {
    return this.process().stdout.waitFor(pattern, PATIENCE_MS);
  }

  async launch({ env = this.#env, words = [] }: LaunchOptions = {}): Promise<void> {
    this.#earlier = this.log();
    const argv = [...this.#launcher, GUEST_NODE, PROGRAM, this.#role, ...words, '--config', this.config];
    this.#process = await this.#guest.start(argv, { env });
    await this.logged('"msg":"serving"').catch((error: unknown) => {
      throw new Error(`the driver does not serve:\n${this.log()}`, { cause: error });
    });
  }

  async ready(): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    while (!(await probe(this.client))) {
      if (Date.now() > until) throw new Error(`the driver is not ready:\n${this.log()}`);
      // Probes without a pause took more than a second of the guest's processor from each start.
      await pause(50);
    }
  }

  async kill(): Promise<void> {
    const { pid, exited } = this.process();
    await this.#guest.exec(['kill', '-9', `${pid}`]);
    await exited;
  }

  async terminate(): Promise<ExecResult> {
    await this.#guest.exec(['kill', '-TERM', `${this.process().pid}`]);
    return this.process().exited;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
    await this.ready();
  }

  async powerCut(): Promise<void> {
    await this.#guest.powerCut();
    await this.#guest.boot();
    await this.launch();
    await this.ready();
  }

  quarry(...words: string[]): Promise<ExecResult> {
    return this.#guest.exec([GUEST_NODE, PROGRAM, ...words, '--config', this.config], { timeout: PATIENCE_MS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    if (this.#process !== undefined) await this.kill();
  }
}

async function probe(client: CsiClient): Promise<boolean> {
  try {
    return (await client.identity.probe({}, { deadlineMs: 5000 })).ready?.value === true;
  } catch {
    return false;
  }
}

export const MiB = 1024 * 1024;

const block = { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
const ext4 = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } } as const;
export const capabilities = { block, ext4 };

/** A request for a volume; block access unless `over` says otherwise. */
export function volumeRequest(name: string, bytes: number | bigint, over: object = {}) {
  return { name, volumeCapabilities: [block], capacityRange: { requiredBytes: `${bytes}` }, ...over };
}

/** The id of a volume that is created, which must succeed. */
export async function createVolume(
  { client }: Driver,
  name: string,
  bytes: number | bigint,
  over: object = {},
): Promise<string> {
  const { volume } = await client.controller.createVolume(volumeRequest(name, bytes, over));
  return volume?.volumeId ?? '';
}

export interface Outcome {
  /** `OK`, or the name of the gRPC code. */
  readonly code: string;
  readonly details: string;
}

/** How a call ended. */
export async function outcomeOf(call: Promise<unknown>): Promise<Outcome> {
  try {
    await call;
    return { code: 'OK', details: '' };
  } catch (error) {
    const { code, details } = error as ServiceError;
    return { code: status[code] ?? String(error), details };
  }
}

/**
 * Repeats a call as a sidecar does while it is ABORTED or its outcome is unknown. Like a sidecar it waits before the next attempt: without that,
 * the calls take the CPU that a node needs to connect again.
 */
export async function untilDone<T>(call: () => Promise<T>): Promise<T> {
  const again = new Set<number | undefined>([status.ABORTED, status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);
  const until = Date.now() + 120_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!again.has((error as ServiceError).code) || Date.now() > until) throw error;
    }
    await pause(50);
  }
}
