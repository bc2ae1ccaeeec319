import type { VolumeId } from '../domain/ids.ts';
import type { NodeVolumes, VolumeLocks } from '../domain/storage.ts';
import type { FilesystemType, OpenVolume } from '../domain/volume.ts';

/** A mount of this node, with the block device that it gives access to. */
export interface Mount {
  readonly target: string;
  /** `major:minor` */
  readonly device: string;
  /** `block`: a device node is bind-mounted on a file. */
  readonly access: 'mount' | 'block';
  readonly filesystem: string;
  readonly readOnly: boolean;
}

/** Mounts and mount points. Changes are never killed halfway, so they take no signal. */
export interface Mounts {
  /** The truth, asked anew at each call; of several mounts on one path the topmost comes last. Throws `unavailable`. */
  read(): Promise<readonly Mount[]>;
  /** Throws `unavailable` when the path is no block device. */
  deviceNumber(device: string): Promise<string>;
  /** The path as `read` shows it. */
  resolve(path: string): Promise<string>;
  makeDirectory(path: string): Promise<void>;
  makeFile(path: string): Promise<void>;
  /** An empty directory or file, or nothing; never more. */
  removeMountPoint(path: string): Promise<void>;
  mount(device: string, target: string, filesystem: FilesystemType, flags: readonly string[]): Promise<void>;
  bind(source: string, target: string, flags: readonly string[]): Promise<void>;
  /** The topmost layer. Throws `unavailable` while something holds it. */
  unmount(target: string): Promise<void>;
}

/** What a device holds. */
export type Content =
  | { readonly holds: 'nothing' }
  | {
      readonly holds: 'filesystem';
      readonly type: FilesystemType;
      readonly size: bigint;
      /** Left by an mkfs whose end nobody saw, and never mounted: there is no data in it, and it may be half made. */
      readonly unfinished: boolean;
    }
  | { readonly holds: 'something'; readonly name: string };

export interface Amounts {
  readonly total: bigint;
  readonly used: bigint;
  readonly available: bigint;
}

interface Usage {
  readonly bytes: Amounts;
  readonly inodes?: Amounts;
}

/** Sizes are bytes. Nothing is killed halfway, so nothing takes a signal. */
export interface Filesystems {
  /** Throws `unavailable` when the device did not tell: unknown is not blank. */
  probe(device: string, size: bigint, id: VolumeId): Promise<Content>;
  /** Bytes that the filesystem spans; of a mounted one possibly an older, smaller value. */
  sizeOn(device: string, type: FilesystemType): Promise<bigint | undefined>;
  make(open: OpenVolume, type: FilesystemType, overUnfinished: boolean): Promise<void>;
  /** Throws `precondition` when a person has to decide. */
  check(device: string, type: FilesystemType, thorough: boolean): Promise<void>;
  /** Nothing happens to a filesystem that has its device's size. `target` has to be writable. */
  grow(device: string, type: FilesystemType, target: string): Promise<void>;
  usage(target: string): Promise<Usage>;
}

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
  readonly mounts: Mounts;
  readonly filesystems: Filesystems;
  readonly locks: VolumeLocks;
  readonly limits: Limits;
}
