import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from './agent.ts';
import { LabError } from './command.ts';
import { Console } from './console.ts';
import { agentSocket, assertShares, createDisks, diskName, type MachinePlan, powerOn, type Share } from './machine.ts';
import { createPort, setConnected } from './network.ts';
import { type LabPaths, REPOSITORY } from './paths.ts';
import type { ExecOptions, ExecResult, Process, StartOptions } from './process.ts';
import { REPOSITORY_PATH, TOOLS_PATH } from './recipe.ts';

export interface GuestOptions {
  /** Also its hostname; `guest0` and so on when not given. */
  readonly name?: string;
  /** Sizes such as `20G`: /dev/ubda, /dev/ubdb and so on, sparse and blank. */
  readonly disks?: readonly string[];
  /** `1024M` when not given; taken from the host only as far as it is used. */
  readonly memory?: string;
  /** Folders of the host, beside the repository and the tools that every guest sees read-only. */
  readonly shares?: readonly Share[];
  readonly cgroup?: 'v1' | 'v2';
  readonly kernelOptions?: readonly string[];
}

export interface Guest extends AsyncDisposable {
  readonly name: string;
  /** On the lab's network. */
  readonly ip: string;
  /** Device paths of its disks, in the order of the options. */
  readonly disks: readonly string[];
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a bash script and answers its stdout; throws with both streams when it fails. */
  shell(script: string, options?: ExecOptions): Promise<string>;
  start(argv: readonly string[], options?: StartOptions): Promise<Process>;
  /** A unix socket of the guest as one of the host, whose path it answers. Callers connect, and may fail to, on demand. */
  forward(guestSocket: string): Promise<string>;
  /** Takes the network cable out, or puts it back. The lab reaches a guest through it, too: no orders meanwhile. */
  setConnected(connected: boolean): Promise<void>;
  /** SIGKILL to the guest's kernel: what its disks had not completed is lost. Throws if the kernel had complained. */
  powerCut(): Promise<void>;
  /** Boots again after a power cut: same disks, same root. */
  boot(): Promise<void>;
  /** All that the kernel and init have printed, over all boots. */
  console(): string;
  /** Ends the guest and removes all it had; throws if the kernel had complained. */
  shutdown(): Promise<void>;
}

interface GuestPlace {
  readonly host: Agent;
  readonly paths: LabPaths;
  /** The lab's folder. */
  readonly folder: string;
  readonly index: number;
}

export async function createGuest(place: GuestPlace, options: GuestOptions): Promise<Guest> {
  const { host, paths } = place;
  const plan = await makePlan(place, options);
  await createDisks(plan.state, plan.disks);
  const agent = new Agent(agentSocket(plan));
  const guestAgent = `tcp:${plan.port.ip}:7070`;
  await host.forward(`unix:${agentSocket(plan)}`, guestAgent);
  const console = new Console(join(plan.state, 'console.log'));

  let machine: Process | undefined;
  const boot = async (): Promise<void> => {
    if (machine !== undefined) throw new LabError(`guest ${plan.name} is running already`);
    const started = await powerOn(host, plan, paths, console);
    machine = started;
    const gone = (): void => agent.close(new LabError(`guest ${plan.name} is gone; see its console`));
    started.exited.then(gone, gone);
  };
  const powerCut = async (): Promise<void> => {
    machine?.kill('SIGKILL');
    await machine?.exited;
    machine = undefined;
    console.check(plan.name);
  };
  const shutdown = async (): Promise<void> => {
    try {
      await powerCut();
    } finally {
      await rm(plan.state, { recursive: true, force: true });
    }
  };
  await boot();

  let forwards = 0;
  return {
    name: plan.name,
    ip: plan.port.ip,
    disks: plan.disks.map((_size, index) => `/dev/${diskName(index)}`),
    exec: (argv, execOptions) => agent.exec(argv, execOptions),
    shell: (script, execOptions) => shell(agent, script, execOptions),
    start: (argv, startOptions) => agent.start(argv, startOptions),
    async forward(guestSocket) {
      const path = join(plan.state, `forward${forwards++}.sock`);
      await host.forward(`unix:${path}`, `unix:${guestSocket}`, guestAgent);
      return path;
    },
    setConnected: (connected) => setConnected(host, plan.port, connected),
    powerCut,
    boot,
    console: () => console.text(),
    shutdown,
    [Symbol.asyncDispose]: shutdown,
  };
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

async function shell(agent: Agent, script: string, options?: ExecOptions): Promise<string> {
  const result = await agent.exec(['bash', '-euo', 'pipefail', '-c', script], options);
  if (result.exitCode === 0) return result.stdout;
  throw new LabError(`exit code ${result.exitCode} of: ${script}\n${result.stdout}${result.stderr}`);
}
