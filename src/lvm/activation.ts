import { Failure, isFailure } from '../domain/errors.ts';
import type { OpenVolume, Volume } from '../domain/volume.ts';
import { activateVolume, removeVolume, lvchangeTags } from './arguments.ts';
import type { BootMarks } from './boot-marks.ts';
import type { InventoryCache } from './cache.ts';
import type { Devices } from './devices.ts';
import { lacksThinDevice } from './failures.ts';
import { creationCutOff } from './inventory.ts';
import { devicePath } from './names.ts';
import { tag } from './tags.ts';
import { sendPendingMessages } from './thin-pools.ts';
import type { Writer } from './writer.ts';

export interface ActivationOptions {
  readonly marks: BootMarks;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: Devices;
  /** Where the device is mounted, staged or published, and the devices that are built on it; empty: nothing uses it. */
  readonly usesOf: (device: string) => Promise<readonly string[]>;
}

/** A volume's way from a logical volume that was made to a device that may be used. */
export class Activation {
  readonly #options: ActivationOptions;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** Activates the volume where it is not, and finishes it where its creation was interrupted. */
  async open(found: Volume, signal: AbortSignal): Promise<OpenVolume> {
    const { devices, marks, writer } = this.#options;
    const finished = found.state === 'creating' ? await this.finish(found, signal) : found;
    if (!finished) throw notFound(found);
    const volume = await marks.open(finished, signal);
    const device = devicePath(volume.group, volume.lv);
    if (await devices.exists(device)) return { volume, device };
    await writer.exclusive(volume.group, signal, () => this.#activate(volume));
    if (await devices.exists(device)) return { volume, device };
    throw new Failure('unavailable', `volume ${volume.id} is active, but ${device} does not exist`);
  }

  /**
   * Ends a creation that was interrupted before its wipe was known to be complete. Nothing was ever written to it. `undefined`: LVM
   * had only begun it, and it was removed.
   */
  async finish(volume: Volume, signal?: AbortSignal): Promise<Volume | undefined> {
    return this.#options.writer.exclusive(volume.group, signal, async () => {
      // While this waited for its turn, the creation itself may have ended and the volume may have got data.
      const current = this.#options.cache.current().volumes.get(volume.id);
      if (!current) throw notFound(volume);
      if (current.state === 'ready') return current;
      return (await this.undo(current)) ? undefined : this.wipe(current);
    });
  }

  /** Removes a mirrored volume that LVM has only begun, and its parts with it; answers whether it was one. Only within the group's turn. */
  async undo(volume: Volume): Promise<boolean> {
    const { cache, writer } = this.#options;
    await cache.refresh();
    if (!creationCutOff(cache.report(), volume)) return false;
    await this.refuseInUse(volume);
    const what = `the remains of volume ${volume.id}, whose creation was cut off, could not be removed`;
    await writer.change(what, removeVolume(volume.group, volume.lv));
    cache.drop(volume.id);
    return true;
  }

  /** Of a volume in creation; only within the group's turn. */
  async wipe(volume: Volume): Promise<Volume> {
    await this.refuseInUse(volume);
    await this.#activate(volume);
    await this.#options.devices.wipe(devicePath(volume.group, volume.lv));
    return this.markReady(volume);
  }

  async markReady(volume: Volume): Promise<Volume> {
    await this.#options.writer.change(
      `volume ${volume.id} could not be marked as ready`,
      lvchangeTags(volume.group, volume.lv, { remove: tag('state', 'creating') }),
    );
    const ready = { ...volume, state: 'ready' as const };
    this.#options.cache.put(ready);
    return ready;
  }

  async refuseInUse(volume: Volume): Promise<void> {
    const uses = await this.#options.usesOf(devicePath(volume.group, volume.lv));
    if (uses.length === 0) return;
    throw new Failure(
      'precondition',
      `volume ${volume.id} is in use at ${uses.join(', ')}: unpublish and unstage it first, and remove what is built on it`,
    );
  }

  /** Only within the group's turn. */
  async #activate({ id, group, lv }: Volume): Promise<void> {
    const { writer, cache } = this.#options;
    const activate = (): Promise<void> =>
      writer.slowChange(`volume ${id} could not be activated`, activateVolume(group, lv));
    try {
      await activate();
    } catch (error) {
      const pool = cache.report().volumes.find((found) => found.group === group && found.lv === lv)?.thinPool;
      if (!isFailure(error) || pool === undefined || !lacksThinDevice(error)) throw error;
      await sendPendingMessages(writer, group, pool);
      await activate();
    }
  }
}

function notFound({ id, node }: Volume): Failure {
  return new Failure('not-found', `volume ${id} does not exist on node ${node}`);
}
