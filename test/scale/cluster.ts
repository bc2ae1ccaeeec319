import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { GiB, MiB } from '../../src/domain/bytes.ts';
import { Authority } from '../support/certificates.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { freePort } from '../support/ports.ts';

const root = join(import.meta.dirname, '../..');

export interface ClusterOptions {
  readonly nodes: number;
  /** On each node. */
  readonly volumes: number;
  /** The program that is measured: the sources, or the bundle. */
  readonly program?: string;
}

/** What the chart gives a controller, too. */
export const controllerEnvironment = {
  NODE_OPTIONS: '--max-semi-space-size=4',
  LD_PRELOAD: 'libjemalloc.so.2',
  MALLOC_CONF: 'narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0',
};

/** `quarry controller` as a process, and simulated nodes in another. */
export class Cluster implements AsyncDisposable {
  readonly client: CsiClient;
  /** Bytes that all nodes together have left. */
  #free: bigint;
  readonly #folder: string;
  readonly #program: string;
  readonly #nodes: ChildProcess;
  #controller: ChildProcess | undefined;

  private constructor(folder: string, nodes: ChildProcess, { nodes: count, volumes, program }: ClusterOptions) {
    this.#folder = folder;
    this.#nodes = nodes;
    this.#program = program ?? 'src/main.ts';
    this.client = createCsiClient(`unix://${folder}/csi.sock`);
    this.#free = BigInt(count) * (1024n * GiB - BigInt(volumes) * 16n * MiB);
  }

  /** No node is connected yet: `start` does that. */
  static async prepare(options: ClusterOptions): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'quarry-scale-'));
    const authority = new Authority('controllers');
    const { certificate, key } = authority.issue({ name: 'controller', dns: ['localhost'], usage: 'server' });
    const port = await freePort();
    writeFileSync(join(folder, 'ca.crt'), authority.certificate);
    writeFileSync(join(folder, 'tls.crt'), certificate);
    writeFileSync(join(folder, 'tls.key'), key);
    writeFileSync(join(folder, 'controller.yaml'), configuration(folder, port));
    const { nodes: count, volumes } = options;
    const argument = JSON.stringify({ folder, port, nodes: count, volumes });
    const nodes = fork(join(import.meta.dirname, 'nodes.ts'), [argument], { execArgv: [] });
    // A controller does not share its processors with all of its nodes.
    setPriority(nodes.pid ?? 0, constants.priority.PRIORITY_BELOW_NORMAL);
    const cluster = new Cluster(folder, nodes, options);
    await Promise.race([once(nodes, 'message'), ended(nodes, 'the simulated nodes')]);
    return cluster;
  }

  /** Lets the nodes dial from now on, repeatedly. */
  dial(): void {
    this.#nodes.send('dial');
  }

  /** Subtracts used bytes. */
  take(bytes: bigint): void {
    this.#free -= bytes;
  }

  get pid(): number {
    return this.#controller?.pid ?? 0;
  }

  /** Milliseconds from the start of the controller until it knows the free bytes of all nodes. */
  async start(): Promise<number> {
    const began = performance.now();
    const config = join(this.#folder, 'controller.yaml');
    const watch = ['--import', join(import.meta.dirname, 'loop-gaps.mjs')];
    const controller = spawn(
      process.execPath,
      [...watch, join(root, this.#program), 'controller', '--config', config],
      {
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        // Nothing of this machine: its own authorities, for instance, would take memory.
        env: controllerEnvironment,
      },
    );
    this.#controller = controller;
    await Promise.race([this.#whole(), ended(controller, 'the controller')]);
    return performance.now() - began;
  }

  async kill(): Promise<void> {
    const controller = this.#controller;
    if (!controller || controller.exitCode !== null) return;
    const exit = once(controller, 'exit');
    controller.kill('SIGKILL');
    await exit;
    this.#controller = undefined;
  }

  /** The maximum of its resident memory so far, in MiB. */
  peak(): number {
    const text = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
  }

  /** The longest time, in milliseconds, that the controller's event loop was blocked since the last call of this function. */
  async longestGap(): Promise<number> {
    if (!this.#controller) throw new Error('the controller has not been started');
    const answer = once(this.#controller, 'message');
    this.#controller.send('gap');
    return ((await answer) as [number])[0];
  }

  /** Milliseconds of CPU so far. */
  cpu(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // In ticks of 10 ms, user and system.
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.kill();
    const exit = this.#nodes.exitCode === null && once(this.#nodes, 'exit');
    this.#nodes.kill('SIGKILL');
    await exit;
    rmSync(this.#folder, { recursive: true });
  }

  async #whole(): Promise<void> {
    const asked = { volumeCapabilities: [], parameters: {}, accessibleTopology: null } as never;
    for (let known = -1n; known !== this.#free;) {
      const reply = await this.client.controller.getCapacity(asked, { waitForReady: true }).catch(() => undefined);
      known = BigInt(reply?.availableCapacity ?? -1);
      if (known !== this.#free) await wait(100);
    }
  }
}

export function segment(node: string): { segments: Record<string, string> } {
  return { segments: { 'topology.lvm.quarry.csi/node': node } };
}

function configuration(folder: string, port: number): string {
  return `
endpoint: unix://${folder}/csi.sock
log: { level: warn }
fleet:
  listen: 127.0.0.1:${port}
  certificate: ${folder}/tls.crt
  key: ${folder}/tls.key
  clientCa: ${folder}/nodes.crt
  settle: 1s
`;
}

async function ended(child: ChildProcess, what: string): Promise<never> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  if (signal === 'SIGKILL') return new Promise<never>(() => undefined);
  throw new Error(`${what} ended with ${code ?? signal}`);
}
