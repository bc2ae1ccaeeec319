import type { Bytes } from './bytes.ts';
import type { VolumeId } from './ids.ts';
import type { OpenVolume } from './volume.ts';

/** The secrets of a CSI request: never logged, never in an error. */
export type Secrets = Readonly<Record<string, string>>;

/**
 * The devices of the volumes of this node. A volume's devices are a stack: its logical volume at the bottom, then layers, each built on
 * the one below. Mounts, raw block access, statistics and limits use the device at the top. Callers hold the volume's lock.
 */
export interface VolumeDevices {
  /**
   * Opens the stack from the bottom to the top, and gives each layer the size of the device below. A layer that is open stays as it is.
   * Throws `not-found`, only after a successful report, `precondition` if a layer is open over another device, and `bad-secret`.
   */
  open(id: VolumeId, secrets: Secrets, signal: AbortSignal): Promise<OpenVolume>;
  /** The top of an open stack; changes nothing. `undefined`: not every layer is open. Throws `not-found`. */
  find(id: VolumeId, signal: AbortSignal): Promise<OpenVolume | undefined>;
  /** Gives each open layer the size of the device below, from the bottom to the top. Throws `not-found`. */
  resize(id: VolumeId, signal: AbortSignal): Promise<void>;
  /** Closes the layers from the top to the bottom; the logical volume stays active. Reads only the kernel, so that it works while LVM does not. */
  close(id: VolumeId): Promise<void>;
  /** The size of a block device in bytes, from the kernel. Throws `unavailable`. */
  size(device: string): Promise<Bytes>;
}
