import { type Bytes, MiB } from './bytes.ts';
import type { VolumeId } from './ids.ts';
import type { FilesystemType, OpenVolume } from './volume.ts';

/** The smallest volume for each type, in bytes: mkfs.xfs refuses less, and the kernel does not resize btrfs to less. */
export const smallestVolume: Readonly<Record<FilesystemType, Bytes>> = { ext4: 0n, xfs: 300n * MiB, btrfs: 256n * MiB };

/** The content of a device. */
export type Content =
  | { readonly holds: 'nothing' }
  | {
      readonly holds: 'filesystem';
      readonly type: FilesystemType;
      /** The filesystem's size in bytes. */
      readonly size: Bytes;
      /** An mkfs made it, may have been cut off, and it was never mounted: it holds no data. */
      readonly unfinished: boolean;
    }
  | {
      readonly holds: 'something';
      readonly name: string;
      /** As its header says, also one that was cut off. */
      readonly uuid?: string | undefined;
    };

/** Bytes, or a number of inodes. */
export interface Amounts {
  readonly total: bigint;
  readonly used: bigint;
  /** For an unprivileged user; may be less than total − used. */
  readonly available: bigint;
}

/** How full a mounted filesystem is. */
export interface Usage {
  readonly bytes: Amounts;
  /** Absent if the filesystem has no fixed number of them (btrfs). */
  readonly inodes?: Amounts;
}

/** The operations on filesystems, except mounts. None takes a signal: an aborted mkfs or fsck has to begin again. */
export interface Filesystems {
  /** `size`: of the device, in bytes. Throws `unavailable` if the device cannot be read: unknown is not blank. */
  probe(device: string, size: Bytes, id: VolumeId): Promise<Content>;
  /** The smallest size in bytes that the filesystem's superblock, or a copy of it, has on the device; while it is mounted, the value may be older and smaller. */
  sizeOn(device: string, type: FilesystemType): Promise<Bytes | undefined>;
  make(open: OpenVolume, type: FilesystemType, overUnfinished: boolean): Promise<void>;
  /** Throws `precondition` if an administrator has to decide. */
  check(device: string, type: FilesystemType, thorough: boolean): Promise<void>;
  /** Leaves a filesystem as it is that already has its device's size, but for copies of its superblock that a power cut took. `target` has to be writable. */
  grow(device: string, type: FilesystemType, target: string): Promise<void>;
  /** Of the filesystem of `device` mounted at `target`. Throws `unavailable`, also if it does not answer in time. */
  usage(device: string, target: string): Promise<Usage>;
}

/** How a volume's device is in use on this node, and what the kernel says of its filesystem. */
export interface DeviceUse {
  readonly access: 'mount' | 'block';
  /** Where it is mounted first. */
  readonly target: string;
  /** The filesystem refuses writes, although it was mounted for writing. */
  readonly turnedReadOnly: boolean;
  /** The kernel has ended all I/O of the filesystem. */
  readonly shutDown: boolean;
  /** What the filesystem itself counts; 0 also where it counts none. */
  readonly errors: number;
}
