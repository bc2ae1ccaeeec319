import type { VolumeDevices } from '../domain/devices.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Filesystems } from '../domain/filesystems.ts';
import type { Mounts } from '../domain/mounts.ts';
import type { NodeVolumes, VolumeLocks } from '../domain/storage.ts';

/** Enforces the limits of volumes on pods. */
export interface Limits {
  /**
   * Enforces the limits at a new target. Returns why they are not in force and what to do; `undefined`: they are. Never throws.
   */
  settle(id: VolumeId, target: string): Promise<string | undefined>;
  /** Call it after an unpublish: clears limits that are left over, and divides the limit among the remaining pods. */
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
