import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { CsiClient } from '../support/csi-client.ts';
import { timed } from './sampling.ts';

export interface DriverProcess {
  readonly child: ChildProcess;
  /** Milliseconds from exec until Probe answers ready. */
  readonly untilReady: number;
  /** Milliseconds from the first answer of LVM until the driver is ready. */
  readonly afterLvm: number;
  /** Resolves when the driver has returned the memory that only its start needed. */
  readonly settled: Promise<void>;
  /** Milliseconds that each call of the method took within the driver, since the last call of this function. */
  handled(method: string): number[];
}

interface Line {
  readonly msg: string;
  readonly time: string;
  readonly method?: string;
  readonly duration_ms?: number;
}

const program = '/quarry/dist/quarry.mjs';

/** Where Node finds what V8 compiled of the bundle, as in the image. */
const env = { ...process.env, NODE_COMPILE_CACHE: '/tmp/compiled' };

/** Compiles the bundle, as the build of the image does. */
export async function compileDriver(): Promise<void> {
  await promisify(execFile)(process.execPath, [program, 'version'], { env });
}

/** The driver as the image runs it: bundled, and compiled. */
export async function startDriver(client: CsiClient): Promise<DriverProcess> {
  const child = spawn(process.execPath, [program, 'all'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const moments = new Map<string, number>();
  const calls = new Map<string, number[]>();
  const ended = Promise.withResolvers<never>();
  const ready = Promise.withResolvers<void>();
  const settled = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const { msg, time, method = '', duration_ms } = JSON.parse(text) as Line;
    if (!moments.has(msg)) moments.set(msg, Date.parse(time));
    if (duration_ms !== undefined) calls.set(method, [...(calls.get(method) ?? []), duration_ms]);
    if (msg === 'ready') ready.resolve();
    if (msg === 'memory of the start returned') settled.resolve();
  });
  child.on('exit', () => ended.reject(new Error('the driver has ended')));
  const untilReady = await timed(async () => {
    // Probes before that would take a part of the guest's only processor from the driver.
    await Promise.race([ready.promise, ended.promise]);
    await Promise.race([untilProbe(client), ended.promise]);
  });
  const moment = (msg: string) => moments.get(msg) ?? Number.NaN;
  return {
    child,
    untilReady,
    settled: settled.promise,
    afterLvm: moment('ready') - moment('LVM answered'),
    handled(method) {
      const found = calls.get(method) ?? [];
      calls.delete(method);
      return found;
    },
  };
}

/** Probes like kubelet, but more often; a connection to the previous driver may end meanwhile. */
async function untilProbe(client: CsiClient): Promise<void> {
  for (;;) {
    const answer = await client.identity.probe({}, { waitForReady: true, deadlineMs: 60_000 }).catch(() => undefined);
    if (answer?.ready?.value === true) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function endDriver({ child }: DriverProcess, signal: 'SIGKILL' | 'SIGTERM'): void {
  child.removeAllListeners('exit');
  child.kill(signal);
}
