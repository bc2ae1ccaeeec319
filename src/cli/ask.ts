import { loadConfig, loadMachineConfig } from '../config/config.ts';
import { type Calls, withClient } from '../grpc/client.ts';
import { admin } from '../grpc/load.ts';
import type { AdminMethods } from '../grpc/services.ts';

/** Each call throws a Failure with the role's reason; `unavailable` if no process answers. */
export type RoleCalls = Calls<AdminMethods>;

/** Calls the role on this machine, at the socket in its configuration. */
export async function askRole<T>(
  role: 'node' | 'controller',
  path: string,
  task: (calls: RoleCalls) => Promise<T>,
): Promise<T> {
  const config = role === 'node' ? (await loadMachineConfig(path)).endpoint : (await loadConfig(path, role)).admin;
  return askSocket(config.path, task);
}

/** Calls the role that listens on the unix socket, as `askRole`. */
export async function askSocket<T>(socket: string, task: (calls: RoleCalls) => Promise<T>): Promise<T> {
  return withClient<AdminMethods, T>(socket, { proto: admin, service: 'Admin' }, task);
}

/** The whole list of a call that answers page by page. */
export async function allPages<T>(
  read: (token: string) => Promise<{ items: T[]; nextPageToken: string }>,
): Promise<T[]> {
  const all: T[] = [];
  for (let token = ''; ;) {
    const { items, nextPageToken } = await read(token);
    all.push(...items);
    if (nextPageToken === '') return all;
    token = nextPageToken;
  }
}
