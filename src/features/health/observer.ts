import { open } from 'node:fs/promises';
import type { NodeContext } from '../../app/feature.ts';
import type { Bytes } from '../../domain/bytes.ts';
import { isFailure, messageOf } from '../../domain/errors.ts';
import type { DeviceUse } from '../../domain/filesystems.ts';
import type { Condition, VolumeReasonName } from '../../domain/health.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { OpenVolume, Volume } from '../../domain/volume.ts';

/** Milliseconds for a read of one block. */
const deadline = 10_000;
const blockSize = 4096;

/** What the observer needs of the machine. */
export type ObserverPorts = Pick<NodeContext, 'devices' | 'deviceUses'> & {
  readonly patience: NodeContext['local']['patience'];
};

/** What the kernel shows of a volume. */
export type VolumeCondition = Condition<VolumeReasonName>;

/** Looks for what is wrong with volumes in the kernel: in the table of mounts, in sysfs, and by a read of each device. */
export class Observer {
  readonly #ports: ObserverPorts;
  /** Where a read of a device failed: it is read there again until that succeeds. */
  readonly #failedAt = new Map<string, number>();

  constructor(ports: ObserverPorts) {
    this.#ports = ports;
  }

  /** Observes those of the volumes that are mounted, or that `also` names; the others have no condition. Throws `unavailable`. */
  async observe(
    volumes: readonly Volume[],
    signal: AbortSignal,
    also?: VolumeId,
  ): Promise<Map<VolumeId, readonly VolumeCondition[]>> {
    const opened: OpenVolume[] = [];
    for (const { id } of volumes) opened.push(...(await this.#find(id, signal)));
    const uses = await this.#ports.deviceUses(opened.map(({ device }) => device));
    const found = new Map<VolumeId, readonly VolumeCondition[]>(volumes.map(({ id }) => [id, []]));
    // One after the other: a read that waits for others would seem to hang.
    for (const each of opened) found.set(each.volume.id, await this.#conditions(each, uses.get(each.device), also));
    return found;
  }

  /** One volume at most; none if it was removed meanwhile. */
  async #find(id: VolumeId, signal: AbortSignal): Promise<OpenVolume[]> {
    try {
      const found = await this.#ports.devices.find(id, signal);
      return found ? [found] : [];
    } catch (error) {
      if (isFailure(error, 'not-found')) return [];
      throw error;
    }
  }

  async #conditions(
    { volume, device }: OpenVolume,
    use: DeviceUse | undefined,
    also?: VolumeId,
  ): Promise<VolumeCondition[]> {
    if (!use && volume.id !== also) return [];
    const ofDevice = await this.#read(device);
    return [...(use ? filesystemConditions(volume.id, use) : []), ...(ofDevice ? [ofDevice] : [])];
  }

  /** Another block each time, because one that was read stays in memory. A disk with some bad sectors may pass. */
  async #read(device: string): Promise<VolumeCondition | undefined> {
    const { devices, patience } = this.#ports;
    try {
      const at = this.#failedAt.get(device) ?? somewhere(await devices.size(device));
      const error = await patience.run(device, `a read of ${device}`, deadline, () => errorAt(device, at));
      if (error === undefined) {
        this.#failedAt.delete(device);
        return undefined;
      }
      this.#failedAt.set(device, at);
      const message = `${device} could not be read at byte ${at}: ${error}. The kernel log says which disk fails: replace it`;
      return { reason: 'DeviceErrors', message };
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      const message = `${error.message}: "quarry hung" lists what waits for the disk; revive or remove the disk`;
      return { reason: 'DeviceStuck', message };
    }
  }
}

function somewhere(size: Bytes): number {
  return Math.floor(Math.random() * Math.floor(Number(size) / blockSize)) * blockSize;
}

/** `undefined` after a read without an error, and for a device that is gone. */
async function errorAt(device: string, position: number): Promise<string | undefined> {
  try {
    await using file = await open(device, 'r');
    await file.read(new Uint8Array(blockSize), 0, blockSize, position);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : messageOf(error);
  }
}

function filesystemConditions(id: VolumeId, use: DeviceUse): VolumeCondition[] {
  const found: VolumeCondition[] = [];
  const remedy = `stop the pods of volume ${id}: the next stage checks the filesystem`;
  if (use.turnedReadOnly) {
    const message = `the kernel has made the filesystem at ${use.target} read-only after an error; ${remedy}`;
    found.push({ reason: 'FilesystemReadOnly', message });
  }
  if (use.shutDown) {
    const message = `the kernel has shut down the filesystem at ${use.target} after an error; ${remedy}`;
    found.push({ reason: 'FilesystemShutDown', message });
  }
  if (use.errors > 0) {
    const message = `the filesystem at ${use.target} counts ${use.errors} errors: the kernel log has them; ${remedy}`;
    found.push({ reason: 'FilesystemErrors', message });
  }
  return found;
}
