import { spawn } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { once } from 'node:events';
import { Agent } from './agent.ts';
import { LabError } from './command.ts';
import { createGuest, type Guest, type GuestOptions } from './guest.ts';
import { createBridge } from './network.ts';
import { removeLeftovers } from './leftovers.ts';
import { type LabPaths, labPaths, missingParts } from './paths.ts';

/** A network of guests. It is removed with its guests and disks when it is closed, or when this process ends in any way. */
export interface Lab extends AsyncDisposable {
  boot(options?: GuestOptions): Promise<Guest>;
  /** Runs programs of the host in the lab's network, with the address 10.77.0.1. */
  readonly host: Agent;
  /** A folder of the host that is removed with the lab. */
  readonly folder: string;
  /** Removes everything; throws if a guest's kernel has reported a fault. */
  close(): Promise<void>;
}

export async function openLab(): Promise<Lab> {
  const running = await startLab();
  const guests: Guest[] = [];
  const close = async (): Promise<void> => {
    const ends = await Promise.allSettled(guests.map((guest) => guest.shutdown()));
    await running.stop();
    const complaints = ends.filter((end) => end.status === 'rejected').map((end) => end.reason as unknown);
    if (complaints.length === 1) throw complaints[0];
    if (complaints.length > 1) throw new AggregateError(complaints, 'several guests failed');
  };
  let booted = 0;
  return {
    host: running.host,
    folder: running.folder,
    async boot(options = {}) {
      const guest = await createGuest({ ...running, index: booted++, onRemoved: async () => undefined }, options);
      guests.push(guest);
      return guest;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** One guest in its own lab, which ends with it. */
export async function bootGuest(options: GuestOptions = {}): Promise<Guest> {
  const running = await startLab();
  try {
    return await createGuest({ ...running, index: 0, onRemoved: running.stop }, options);
  } catch (error) {
    await running.stop();
    throw error;
  }
}

interface RunningLab {
  readonly host: Agent;
  readonly paths: LabPaths;
  readonly folder: string;
  /** Ends all guests at once, and removes the folder. */
  readonly stop: () => Promise<void>;
}

async function startLab(): Promise<RunningLab> {
  const paths = labPaths();
  assertUsable(missingParts(paths));
  await removeLeftovers(paths.runs);
  const folder = await mkdtemp(join(paths.runs, `${process.pid}-`));
  const stop = await startHolder(paths.agent, folder);
  const host = new Agent(join(folder, 'host.sock'));
  await createBridge(host);
  return { host, paths, folder, stop };
}

/** The process that owns the lab's namespaces; agent/hold.go describes it. */
async function startHolder(agent: string, folder: string): Promise<() => Promise<void>> {
  const unshare = ['--net', '--mount', '--propagation=private', '--pid', '--mount-proc', '--fork', '--kill-child'];
  const holder = spawn('unshare', [...unshare, agent, 'hold', folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Its own process group: Ctrl-C reaches the tests only, which then end the lab in order.
    detached: true,
  });
  const exited = once(holder, 'close');
  // A lab that is not closed must not keep this process alive.
  holder.unref();
  const ready = await Promise.race([once(holder.stdout, 'data'), exited]);
  if (typeof ready[0] !== 'object') throw new LabError('the lab could not start: root with CAP_SYS_ADMIN is needed');
  return async () => {
    holder.ref();
    holder.stdin.end();
    await exited;
  };
}

function assertUsable(missing: readonly string[]): void {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new LabError('the lab needs Linux and root: it makes network and mount namespaces');
  }
  if (missing.length > 0)
    throw new LabError(`the lab is not built; run: npm run setup (missing: ${missing.join(', ')})`);
}
