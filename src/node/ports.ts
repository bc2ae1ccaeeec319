import type { VolumeDevices } from '../domain/devices.ts';
import type { VolumeId } from '../domain/ids.ts';
import type { Filesystems } from '../domain/filesystems.ts';
import type { Mounts } from '../domain/mounts.ts';
import type { InlineVolumes, NodeVolumes, VolumeLocks } from '../domain/storage.ts';

/** Enforces the limits of volumes on pods. */
export interface Limits {
  /**
   * Enforces the limits at a new target. Returns why they are not in force and what to do; `undefined`: they are. Never throws.
   */
  settle(id: VolumeId, target: string): Promise<string | undefined>;
  /** Call it after an unpublish: clears limits that are left over, and divides the limit among the remaining pods. */
  changed(): void;
}

/** Kubelet's folders of pods. */
export interface PodVolumeFolders {
  /**
   * Whether kubelet still has the folder of a pod's volume. `gone`: the volume is unpublished for good. Throws `unavailable` if the
   * folders of all pods are not to be seen.
   */
  stateOf(target: string): Promise<'present' | 'gone'>;
}

export interface NodeTools {
  readonly inline: InlineVolumes;
  readonly podFolders: PodVolumeFolders;
  readonly volumes: NodeVolumes;
  readonly devices: VolumeDevices;
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
  readonly locks: VolumeLocks;
  readonly limits: Limits;
}
