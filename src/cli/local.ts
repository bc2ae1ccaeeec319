import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadMachineConfig } from '../config/config.ts';
import type { Config } from '../config/schema.ts';
import { createTerminalLog } from '../log.ts';
import { createLocal, type Local } from '../app/local.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Candidate } from '../pools/candidates.ts';

/** Uses another LVM directory than the driver, whose filter must not change. */
export async function withLocal<T>(path: string, task: (local: Local, config: Config) => Promise<T>): Promise<T> {
  const config = await loadMachineConfig(path);
  const log = createTerminalLog();
  const parent = dirname(config.lvm.directory);
  await mkdir(parent, { recursive: true });
  const directory = await mkdtemp(join(parent, 'lvm-'));
  try {
    const own = { ...config, lvm: { ...config.lvm, directory, process: 'command' as const } };
    return await task(await createLocal(own, { log, observe: () => undefined, changed: () => undefined }), config);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The disks that the rules match, and all pools and volumes, from new reports of LVM. */
export async function readStorage({
  findDisks,
  show,
  cache,
}: Pick<Local, 'findDisks' | 'show' | 'cache'>): Promise<{ disks: readonly Candidate[]; inventory: Inventory }> {
  const disks = await findDisks();
  // LVM must see the devices of the groups before it reports on them.
  await show([]);
  return { disks, inventory: await cache.refresh() };
}
