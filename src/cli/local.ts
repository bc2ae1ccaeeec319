import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadMachineConfig } from '../config/config.ts';
import type { Config } from '../config/schema.ts';
import { createTerminalLog } from '../log.ts';
import { createLocal, type Local } from '../app/local.ts';

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
