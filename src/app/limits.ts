import type { DeviceStack } from '../block/stack.ts';
import type { Config } from '../config/schema.ts';
import type { Log } from '../log.ts';
import { readMounts } from '../mount/table.ts';
import { createLimits, type Limits } from '../qos/limits.ts';
import type { Local } from './local.ts';

/** The limits of the volumes that this machine's pods use. */
export function createMachineLimits({ qos }: Config, { cache }: Local, stack: DeviceStack, log: Log): Limits {
  return createLimits({
    settings: qos,
    log,
    inventory: () => cache.current(),
    mounts: () => readMounts(),
    mapperNamesOf: (volume) => stack.mapperNamesOf(volume),
  });
}
