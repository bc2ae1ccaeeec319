import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Patience } from '../concurrency/patience.ts';
import { Failure } from '../domain/errors.ts';
import type { Inventory } from '../domain/storage.ts';
import { deviceNumberOf, flushDevice } from '../kernel/block-device.ts';
import type { Run } from '../exec/run.ts';

/** The block devices of logical volumes. */
export interface Devices {
  exists(device: string): Promise<boolean>;
  /** Removes every signature and zeroes the first MiB. */
  wipe(device: string): Promise<void>;
  /** Returns when all earlier writes are on the disks. */
  flush(device: string): Promise<void>;
  volumeLimit(inventory: Inventory): number;
}

const wipeDeadline = 30_000;
const wipedBytes = 1024 * 1024;

/** `wipe` and `flush` throw `unavailable` if the device does not answer within 30 s. */
export function createDevices(run: Run, patience: Patience): Devices {
  return {
    exists: async (device) => (await deviceNumberOf(device)) !== undefined,
    async wipe(device) {
      const result = await run(['wipefs', '--all', '--quiet', device], { deadline: wipeDeadline });
      if (result.exitCode !== 0) {
        throw new Failure('unavailable', `${device} could not be wiped: ${result.stderr.trim()}`);
      }
      await patience.run(device, `zeroing the start of ${device}`, wipeDeadline, () => zeroStart(device));
    },
    flush: (device) => patience.run(device, `flushing ${device}`, wipeDeadline, () => flushDevice(device)),
    volumeLimit,
  };
}

/** O_EXCL on a block device fails while anything has it mounted or open exclusively. */
async function zeroStart(device: string): Promise<void> {
  await using file = await open(device, constants.O_RDWR | constants.O_EXCL);
  await file.write(new Uint8Array(wipedBytes), 0, wipedBytes, 0);
  await file.sync();
}

/** A volume's tags and segment take 510 bytes of metadata (measured); twice that leaves room for later tags. */
const metadataPerVolume = 1024n;
/** device-mapper has 2^20 minors and the kernel allows 100,000 mounts, two or more per volume; LVM gets slow long before that. */
const sensibleLimit = 10_000;

function volumeLimit(inventory: Inventory): number {
  let total = 0n;
  for (const pool of inventory.pools.values()) total += pool.metadata.size / 2n / metadataPerVolume;
  return total === 0n ? sensibleLimit : Math.min(sensibleLimit, Number(total));
}
