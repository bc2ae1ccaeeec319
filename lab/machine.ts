import { access, link, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from './agent.ts';
import { LabError } from './command.ts';
import type { Console } from './console.ts';
import { GATEWAY, type Port } from './network.ts';
import type { LabPaths } from './paths.ts';
import type { Process } from './process.ts';

export interface Share {
  /** Absolute path on the host. */
  readonly host: string;
  /** Absolute path in the guest. */
  readonly guest: string;
  readonly writable: boolean;
}

/**
 * A disk: the size of a blank one, such as `20G`, or a file of the host on the cache's filesystem. A guest writes into
 * a writable file; otherwise its writes go to a private file that is removed with it.
 */
export type Disk = string | { readonly file: string; readonly writable: boolean };

export interface MachinePlan {
  readonly name: string;
  /** Folder of the files that the guest keeps from boot to boot. */
  readonly state: string;
  readonly memory: string;
  readonly disks: readonly Disk[];
  readonly shares: readonly Share[];
  readonly cgroup: 'v1' | 'v2';
  readonly kernelOptions: readonly string[];
  readonly port: Port;
}

const CONTROL_FOLDER = 'control';
const BOOT_TIMEOUT = 30_000;

/** The guest's disks as files of the host, sparse. */
export async function createDisks(state: string, disks: readonly Disk[]): Promise<void> {
  await createRoot(state);
  for (const [index, disk] of disks.entries()) {
    if (typeof disk === 'string') await createDisk(state, index, disk);
    // A link, because the guest's kernel sees only its own folder of the host.
    else await link(disk.file, join(state, disk.writable ? diskFile(index) : originFile(index)));
  }
}

/** A new root, as the image has it. */
export async function createRoot(state: string): Promise<void> {
  for (const folder of ['upper', 'work']) {
    await rm(join(state, folder), { recursive: true, force: true });
    await mkdir(join(state, folder), { recursive: true });
  }
}

/** Brings a disk with an origin back to what that has. The guest is off. */
export async function resetDisk(state: string, index: number): Promise<void> {
  await rm(join(state, diskFile(index)), { force: true });
}

async function createDisk(state: string, index: number, size: string): Promise<void> {
  await using file = await open(join(state, diskFile(index)), 'a');
  await file.truncate(parseSize(size));
}

/** Adds a disk to a running guest. */
export async function plugDisk(host: Agent, plan: MachinePlan, index: number, size: string): Promise<void> {
  await createDisk(plan.state, index, size);
  const socket = join(plan.state, CONTROL_FOLDER, 'mconsole');
  await host.tellKernel(socket, ['config', `${diskName(index)}=/lab/self/${diskFile(index)}`]);
}

/** The name of disk number `index`, counted from 0, under /dev of the guest. */
export function diskName(index: number): string {
  return `ubd${String.fromCharCode(97 + index)}`;
}

/** Boots the guest and waits for its agent; the returned process ends with the guest's kernel. */
export async function powerOn(host: Agent, plan: MachinePlan, paths: LabPaths, console: Console): Promise<Process> {
  // A killed kernel leaves files from which the next one concludes that it still runs.
  await rm(join(plan.state, CONTROL_FOLDER), { recursive: true, force: true });
  const script = (name: string): string => join(import.meta.dirname, name);
  const machine = await host.start([script('one-processor.sh'), paths.processors, script('launch.sh')], {
    isolate: true,
    env: {
      BASE: paths.base,
      LAYER: paths.layer,
      STATE: plan.state,
      SHARES: plan.shares.map((share, index) => `${index}:${mode(share)}:${share.host}`).join('\n'),
      CMDLINE: commandLine(plan),
    },
  });
  const ended = new AbortController();
  const end = (): void => ended.abort();
  machine.exited.then(end, end);
  const agent = new Agent(agentSocket(plan));
  const deadline = Date.now() + BOOT_TIMEOUT;
  while (!ended.signal.aborted && Date.now() < deadline) {
    const answered = await agent.ping(150).then(
      () => true,
      () => false,
    );
    if (answered) return machine;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  machine.kill('SIGKILL');
  const last = console.text().split('\n').slice(-20).join('\n');
  throw new LabError(`guest ${plan.name} did not boot; the end of its console:\n${last}`);
}

export function agentSocket(plan: MachinePlan): string {
  return join(plan.state, 'agent.sock');
}

/** The address of the agent in the guest, in the lab's network. */
export function agentAddress(plan: MachinePlan): string {
  return `tcp:${plan.port.ip}:7070`;
}

export async function assertShares(shares: readonly Share[]): Promise<void> {
  for (const share of shares) {
    await access(share.host).catch((cause: unknown) => {
      throw new LabError(`cannot share ${share.host} with a guest`, { cause });
    });
  }
}

function commandLine(plan: MachinePlan): string {
  return [
    `mem=${plan.memory}`,
    'root=/dev/root rootfstype=hostfs rootflags=/lab/root rw init=/sbin/lab-init',
    // Level 5 lets warnings through: they fail the run.
    'con=null con0=null,fd:1 loglevel=5 seccomp=on panic=-1',
    ...plan.disks.map((disk, index) => `${diskName(index)}=${diskFiles(disk, index)}`),
    `vec0:transport=tap,ifname=${plan.port.tap},depth=128,gro=1,mac=${plan.port.mac}`,
    `umid=${CONTROL_FOLDER} uml_dir=/lab/self/`,
    `lab.name=${plan.name} lab.ip=${plan.port.ip} lab.gateway=${GATEWAY} lab.cgroup=${plan.cgroup}`,
    `lab.shares=${plan.shares.map((share, index) => `${index}:${mode(share)}:${share.guest}`).join(',')}`,
    ...plan.kernelOptions,
  ].join(' ');
}

function mode(share: Share): string {
  return share.writable ? 'rw' : 'ro';
}

/** With a second file, the kernel writes to the first and reads unwritten blocks from the second. */
function diskFiles(disk: Disk, index: number): string {
  const own = `/lab/self/${diskFile(index)}`;
  return typeof disk === 'string' || disk.writable ? own : `${own},/lab/self/${originFile(index)}`;
}

function originFile(index: number): string {
  return `${diskName(index)}.origin`;
}

function diskFile(index: number): string {
  return `${diskName(index)}.img`;
}

export function parseSize(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGT])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined)
    throw new LabError(`disk size ${text}: expected a number and K, M, G or T`);
  return Number(digits) * 1024 ** ('KMGT'.indexOf(unit) + 1);
}
