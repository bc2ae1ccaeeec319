import { Failure, isFailure } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import type { OpenVolume, Volume } from '../domain/volume.ts';
import { activatePartial, activateVolume, deactivateVolumes } from './arguments.ts';
import type { BootMarks } from './boot-marks.ts';
import type { InventoryCache } from './cache.ts';
import type { Devices } from './devices.ts';
import { activeParts, isPartial, lacksThinDevice } from './failures.ts';
import { refuseLostVolume } from './mirrors/lost-volumes.ts';
import type { Lvm, LvmArguments } from './process/lvm.ts';
import { readMirror } from './mirrors/mirror.ts';
import { devicePath } from './names.ts';
import { sendPendingMessages } from './thin-pools.ts';
import type { Writer } from './writer.ts';

export interface ActivationOptions {
  readonly lvm: Lvm;
  readonly marks: BootMarks;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly devices: Devices;
  /** Where the device is mounted, staged or published, and the devices that are built on it; empty: nothing uses it. */
  readonly usesOf: (device: string) => Promise<readonly string[]>;
}

/** Activates the logical volumes of volumes that are ready. */
export class Activation {
  readonly #options: ActivationOptions;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** Marks the volume as open and activates it if it is inactive. */
  async open(ready: Volume, signal: AbortSignal): Promise<OpenVolume> {
    const { cache, devices, marks, writer } = this.#options;
    await refuseLostVolume(cache, ready);
    const volume = await marks.open(ready, signal);
    const device = devicePath(volume.group, volume.lv);
    if (await devices.exists(device)) return { volume, device };
    await writer.exclusive(volume.group, signal, () => this.activate(volume));
    if (await devices.exists(device)) return { volume, device };
    throw new Failure('unavailable', `volume ${volume.id} is active, but ${device} does not exist`);
  }

  async refuseInUse(volume: Volume): Promise<void> {
    const uses = await this.#options.usesOf(devicePath(volume.group, volume.lv));
    if (uses.length === 0) return;
    throw new Failure(
      'precondition',
      `volume ${volume.id} is in use at ${uses.join(', ')}: unpublish and unstage it first, and remove what is built on it`,
    );
  }

  /** Activates a thin pool, for which LVM checks its metadata. `what` begins the message of a failure. Call it only within the group's turn. */
  async activatePool(what: string, group: VgName, pool: LvName): Promise<void> {
    await activateInPool(this.#options, what, { group, lv: pool, pool });
  }

  /** Call it only within the group's turn. */
  async activate({ id, group, lv }: Volume): Promise<void> {
    const { writer, cache } = this.#options;
    const pool = cache.report().volumes.find((found) => found.group === group && found.lv === lv)?.thinPool;
    const what = `volume ${id} could not be activated`;
    const change = (): Promise<void> => activateInPool(this.#options, what, { group, lv, pool });
    try {
      await change();
    } catch (error) {
      if (!isFailure(error) || pool === undefined || !lacksThinDevice(error)) throw error;
      await sendPendingMessages(writer, group, pool);
      await change();
    }
  }
}

interface InPool {
  readonly group: VgName;
  readonly lv: LvName;
  /** The thin pool itself, or that of the volume; `undefined`: there is none. */
  readonly pool: LvName | undefined;
}

/**
 * Activates a logical volume. LVM refuses a thin pool, and its volumes, if a copy of it is on a missing disk (it checks for mirrors only one level
 * below), so Quarry asks again if data and metadata both have copies. `what` begins the message of a failure. Call it only within the group's turn.
 */
export async function activateInPool(
  { lvm, writer }: { readonly lvm: Lvm; readonly writer: Writer },
  what: string,
  { group, lv, pool }: InPool,
): Promise<void> {
  const change = (argv: LvmArguments): Promise<void> =>
    activateOverParts(writer, group, () => writer.slowChange(what, argv));
  try {
    await change(activateVolume(group, lv));
  } catch (error) {
    if (pool === undefined || !isFailure(error) || !isPartial(error)) throw error;
    for (const part of [`${pool}_tmeta`, `${pool}_tdata`]) {
      if (!(await readMirror(lvm, group, part as LvName))) throw error;
    }
    await change(activatePartial(group, lv));
  }
}

/**
 * Activates, and does so again after it has deactivated the parts over which LVM refuses. An LVM that is killed during an activation leaves
 * such parts: copies of a mirrored volume, data and metadata of a thin pool. Throws as `activate` does, and if LVM does not deactivate a
 * part, which it refuses while the part is in use. Call it only within the group's turn.
 */
export async function activateOverParts(writer: Writer, group: VgName, activate: () => Promise<void>): Promise<void> {
  const deactivated = new Set<LvName>();
  for (;;) {
    try {
      return await activate();
    } catch (error) {
      const parts = isFailure(error) ? activeParts(error, group).filter((part) => !deactivated.has(part)) : [];
      if (parts.length === 0) throw error;
      const what = `${parts.join(', ')}, which an interrupted activation has left active, could not be deactivated`;
      await writer.change(what, deactivateVolumes(group, parts));
      parts.forEach((part) => deactivated.add(part));
    }
  }
}
