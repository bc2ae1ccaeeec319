import type { VolumeDevices } from '../domain/devices.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Filesystems } from '../domain/filesystems.ts';
import type { Mounts } from '../domain/mounts.ts';
import type { NodeVolumes, VolumeLocks } from '../domain/storage.ts';

/** What holds pods to the limits of the volumes that they use. */
export interface Limits {
  /**
   * Puts the limits in force where the volume was just published. A text: what is not in force, and what to do. Never throws.
   */
  settle(id: VolumeId, target: string): Promise<string | undefined>;
  /** Something was unpublished: what it left behind is to be cleared, and those that remain share anew. */
  changed(): void;
}

export interface NodeTools {
  readonly volumes: NodeVolumes;
  readonly devices: VolumeDevices;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
  readonly locks: VolumeLocks;
  readonly limits: Limits;
}
