import type { Agent } from './agent.ts';
import { LabError } from './command.ts';

/** All labs use the same addresses: each has its own network namespace. */
const PREFIX = '10.77.0';
export const GATEWAY = `${PREFIX}.1`;
const BRIDGE = 'br0';

export interface Port {
  readonly tap: string;
  readonly ip: string;
  /** Fixed: with a new address, a guest that boots again would wait until its neighbours' stale entries expire. */
  readonly mac: string;
}

export async function createBridge(host: Agent): Promise<void> {
  await ip(host, [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `addr add ${GATEWAY}/24 dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
  ]);
}

/** A port of the bridge for the lab's guest number `index`, counted from 0. */
export async function createPort(host: Agent, index: number): Promise<Port> {
  const tap = `tap${index}`;
  await ip(host, [`tuntap add ${tap} mode tap`, `link set ${tap} master ${BRIDGE}`, `link set ${tap} up`]);
  return { tap, ip: `${PREFIX}.${10 + index}`, mac: `02:00:00:00:00:${(16 + index).toString(16)}` };
}

/** Removes the guest's tap from the bridge, or adds it again; a tap that is set down would never carry packets again. */
export async function setConnected(host: Agent, port: Port, connected: boolean): Promise<void> {
  await ip(host, [`link set ${port.tap} ${connected ? `master ${BRIDGE}` : 'nomaster'}`]);
}

async function ip(host: Agent, commands: readonly string[]): Promise<void> {
  const result = await host.exec(['ip', '-batch', '-'], { input: commands.map((line) => `${line}\n`).join('') });
  if (result.exitCode !== 0) throw new LabError(`ip: ${result.stderr.trim()}`);
}
