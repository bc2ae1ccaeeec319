import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from './agent.ts';
import { LabError } from './command.ts';
import { Console } from './console.ts';
import {
  agentAddress,
  agentSocket,
  assertShares,
  createDisks,
  createRoot,
  type Disk,
  diskName,
  type MachinePlan,
  plugDisk,
  powerOn,
  resetDisk,
  type Share,
} from './machine.ts';
import { createPort, setConnected } from './network.ts';
import { type LabPaths, REPOSITORY } from './paths.ts';
import type { ExecOptions, ExecResult, Process, StartOptions } from './process.ts';
import { REPOSITORY_PATH, TOOLS_PATH } from './recipe.ts';

export interface GuestOptions {
  /** Also its hostname; default: `guest0` and so on. */
  readonly name?: string;
  /** /dev/ubda, /dev/ubdb and so on; a disk given by its size is sparse and blank. */
  readonly disks?: readonly Disk[];
  /** Default: `1024M`; taken from the host only as far as it is used. */
  readonly memory?: string;
  /** Folders of the host, in addition to the repository and the tools, which every guest sees read-only. */
  readonly shares?: readonly Share[];
  readonly cgroup?: 'v1' | 'v2';
  readonly kernelOptions?: readonly string[];
}

export interface Guest extends AsyncDisposable {
  readonly name: string;
  /** Its address in the lab's network. */
  readonly ip: string;
  /** Device paths of its disks, in the order of the options. */
  readonly disks: readonly string[];
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a bash script and returns its stdout; throws with both streams if it fails. */
  shell(script: string, options?: ExecOptions): Promise<string>;
  start(argv: readonly string[], options?: StartOptions): Promise<Process>;
  /** Forwards a unix socket of the guest to one of the host, and returns its path. The connection is made for each caller, and may fail then. */
  forward(guestSocket: string): Promise<string>;
  /** Adds a disk while the guest runs, and returns its device path. */
  addDisk(size: string): Promise<string>;
  /** Disconnects the guest from the network, or connects it again. The lab uses the same network: give no orders meanwhile. */
  setConnected(connected: boolean): Promise<void>;
  /** SIGKILL to the guest's kernel: writes that its disks had not completed are lost. Throws if the kernel had reported a fault. */
  powerCut(): Promise<void>;
  /** Boots again after a power cut: same disks, same root. */
  boot(): Promise<void>;
  /** Boots after a power cut as a machine that was installed again: with a new root, and its first disk, which has an origin, as that is. The other disks are kept. */
  reinstall(): Promise<void>;
  /** The output of kernel and init, over all boots. */
  console(): string;
  /** Throws if the kernel has reported a fault since the last check. */
  checkConsole(): void;
  /** Ends the guest and removes its files; throws if the kernel had reported a fault. */
  shutdown(): Promise<void>;
}

export interface GuestPlace {
  readonly host: Agent;
  readonly paths: LabPaths;
  /** The lab's folder. */
  readonly folder: string;
  readonly index: number;
  /** Called after the guest was removed. */
  readonly onRemoved: () => Promise<void>;
}

export async function createGuest(place: GuestPlace, options: GuestOptions): Promise<Guest> {
  const plan = await makePlan(place, options);
  await createDisks(plan.state, plan.disks);
  await place.host.forward(`unix:${agentSocket(plan)}`, agentAddress(plan));
  const guest = new MicroVm(place, plan);
  await guest.boot();
  return guest;
}

class MicroVm implements Guest {
  readonly name: string;
  readonly ip: string;
  readonly #place: GuestPlace;
  #plan: MachinePlan;
  readonly #agent: Agent;
  readonly #console: Console;
  #machine: Process | undefined;
  #forwards = 0;

  constructor(place: GuestPlace, plan: MachinePlan) {
    this.name = plan.name;
    this.ip = plan.port.ip;
    this.#place = place;
    this.#plan = plan;
    this.#agent = new Agent(agentSocket(plan));
    this.#console = new Console(join(plan.state, 'console.log'));
  }

  get disks(): readonly string[] {
    return this.#plan.disks.map((_size, index) => `/dev/${diskName(index)}`);
  }

  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    return this.#agent.exec(argv, options);
  }

  async shell(script: string, options?: ExecOptions): Promise<string> {
    const result = await this.exec(['bash', '-euo', 'pipefail', '-c', script], options);
    if (result.exitCode === 0) return result.stdout;
    throw new LabError(`exit code ${result.exitCode} of: ${script}\n${result.stdout}${result.stderr}`);
  }

  start(argv: readonly string[], options?: StartOptions): Promise<Process> {
    return this.#agent.start(argv, options);
  }

  async forward(guestSocket: string): Promise<string> {
    const path = join(this.#plan.state, `forward${this.#forwards++}.sock`);
    await this.#place.host.forward(`unix:${path}`, `unix:${guestSocket}`, agentAddress(this.#plan));
    return path;
  }

  async addDisk(size: string): Promise<string> {
    const index = this.#plan.disks.length;
    await plugDisk(this.#place.host, this.#plan, index, size);
    this.#plan = { ...this.#plan, disks: [...this.#plan.disks, size] };
    return `/dev/${diskName(index)}`;
  }

  setConnected(connected: boolean): Promise<void> {
    return setConnected(this.#place.host, this.#plan.port, connected);
  }

  async boot(): Promise<void> {
    if (this.#machine !== undefined) throw new LabError(`guest ${this.name} is running already`);
    const machine = await powerOn(this.#place.host, this.#plan, this.#place.paths, this.#console);
    this.#machine = machine;
    const gone = (): void => this.#agent.close(new LabError(`guest ${this.name} is gone; see its console`));
    machine.exited.then(gone, gone);
  }

  async reinstall(): Promise<void> {
    await createRoot(this.#plan.state);
    await resetDisk(this.#plan.state, 0);
    await this.boot();
  }

  async powerCut(): Promise<void> {
    this.#machine?.kill('SIGKILL');
    await this.#machine?.exited;
    this.#machine = undefined;
    await this.#place.host.drop(agentAddress(this.#plan));
    this.checkConsole();
  }

  console(): string {
    return this.#console.text();
  }

  checkConsole(): void {
    this.#console.check(this.name);
  }

  async shutdown(): Promise<void> {
    try {
      await this.powerCut();
    } finally {
      await rm(this.#plan.state, { recursive: true, force: true });
      await this.#place.onRemoved();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}

async function makePlan(place: GuestPlace, options: GuestOptions): Promise<MachinePlan> {
  const { host, paths, folder, index } = place;
  const shares = [
    { host: REPOSITORY, guest: REPOSITORY_PATH, writable: false },
    { host: paths.tools, guest: TOOLS_PATH, writable: false },
    ...(options.shares ?? []),
  ];
  await assertShares(shares);
  const state = join(folder, `${index}`);
  await mkdir(state);
  return {
    name: options.name ?? `guest${index}`,
    state,
    memory: options.memory ?? '1024M',
    disks: options.disks ?? [],
    shares,
    cgroup: options.cgroup ?? 'v2',
    kernelOptions: options.kernelOptions ?? [],
    port: await createPort(host, index),
  };
}
