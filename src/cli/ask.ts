import { loadConfig, loadMachineConfig } from '../config/config.ts';
import { type Calls, withClient } from '../grpc/client.ts';
import { admin } from '../grpc/load.ts';
import type { AdminMethods } from '../grpc/services.ts';

/** Each throws a Failure with the reason that the role gave; `unavailable` where none answers. */
export type RoleCalls = Calls<AdminMethods>;

/** Asks the role that runs on this machine, at the socket that its configuration names. */
export async function askRole<T>(
  role: 'node' | 'controller',
  path: string,
  task: (calls: RoleCalls) => Promise<T>,
): Promise<T> {
  const config = role === 'node' ? (await loadMachineConfig(path)).endpoint : (await loadConfig(path, role)).admin;
  return askSocket(config.path, task);
}

export async function askSocket<T>(socket: string, task: (calls: RoleCalls) => Promise<T>): Promise<T> {
  return withClient<AdminMethods, T>(socket, { proto: admin, service: 'Admin' }, task);
}
