import { readFile } from 'node:fs/promises';
import { createStack } from '../block/stack.ts';
import { createUsesOf } from '../block/uses.ts';
import { createLocks } from '../concurrency/locks.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../log.ts';
import { createCopyRange, createDiscardRange } from '../lvm/copies/copy-range.ts';
import { createDevices } from '../lvm/devices.ts';
import { createCopiesTogether } from '../lvm/snapshots/copies-together.ts';
import { LocalStorage } from '../lvm/storage.ts';
import { mountsOf } from '../mount/table.ts';
import { createKeyDestruction, createMachineLuks } from './encryption.ts';
import type { Local } from './local.ts';

/** The id that the kernel gave itself at this boot. */
export async function readBootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
}

/** This machine's volumes, and the devices of those that are in use. */
export function createStorage(config: Config, local: Local, boot: string, log: Log) {
  const { lvm, cache, writer, run, hosted, patience, thinMetadata } = local;
  const devices = createDevices(run, patience);
  const usesOf = createUsesOf(mountsOf);
  const { pauseLimit } = config.snapshots;
  const listeners: ((seconds: number) => void)[] = [];
  const paused = (milliseconds: number): void => {
    log.info({ milliseconds }, 'writes were paused for a group snapshot');
    for (const listener of listeners) listener(milliseconds / 1000);
  };
  const copies = createCopiesTogether({ run, hosted, pauseLimit, paused });
  const range = createCopyRange(run, devices);
  const storage = new LocalStorage({
    node: config.node,
    boot,
    lvm,
    cache,
    writer,
    thinMetadata,
    devices,
    copies,
    usesOf,
    locks: createLocks(),
    copying: { range, rate: config.jobs.copyRate, log },
    erasing: {
      zero: range,
      discard: createDiscardRange(run, range, devices),
      keys: createKeyDestruction(local),
      rate: config.jobs.eraseRate,
      log,
    },
  });
  const pauses = (listener: (seconds: number) => void): void => void listeners.push(listener);
  return {
    storage,
    copies,
    pauses,
    stack: createStack({ volumes: storage, layers: [createMachineLuks(local, storage, config.jobs.copyRate)] }),
  };
}
