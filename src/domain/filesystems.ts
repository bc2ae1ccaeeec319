import { type Bytes, MiB } from './bytes.ts';
import type { VolumeId } from './ids.ts';
import type { FilesystemType, OpenVolume } from './volume.ts';

/** Bytes of a volume that is to hold it: mkfs.xfs refuses less, and the kernel resizes no btrfs to less. */
export const smallestVolume: Readonly<Record<FilesystemType, Bytes>> = { ext4: 0n, xfs: 300n * MiB, btrfs: 256n * MiB };

/** What a device holds. */
export type Content =
  | { readonly holds: 'nothing' }
  | {
      readonly holds: 'filesystem';
      readonly type: FilesystemType;
      /** Bytes that it spans. */
      readonly size: Bytes;
      /** Left by an mkfs whose end nobody saw, and never mounted: there is no data in it, and it may be half made. */
      readonly unfinished: boolean;
    }
  | { readonly holds: 'something'; readonly name: string };

/** Bytes, or a number of inodes. */
export interface Amounts {
  readonly total: bigint;
  readonly used: bigint;
  /** To an unprivileged user; may be less than total − used. */
  readonly available: bigint;
}

/** How full a mounted filesystem is. */
export interface Usage {
  readonly bytes: Amounts;
  /** Absent where the filesystem has no fixed number of them (btrfs). */
  readonly inodes?: Amounts;
}

/** What is done to filesystems, apart from mounting them. Nothing takes a signal: half an mkfs or fsck helps nobody. */
export interface Filesystems {
  /** `size`: of the device, in bytes. Throws `unavailable` when the device did not tell: unknown is not blank. */
  probe(device: string, size: Bytes, id: VolumeId): Promise<Content>;
  /** Bytes that the filesystem on the device spans; of a mounted one possibly an older, smaller value. */
  sizeOn(device: string, type: FilesystemType): Promise<Bytes | undefined>;
  make(open: OpenVolume, type: FilesystemType, overUnfinished: boolean): Promise<void>;
  /** Throws `precondition` when a person has to decide. */
  check(device: string, type: FilesystemType, thorough: boolean): Promise<void>;
  /** Nothing happens to a filesystem that has its device's size. `target` has to be writable. */
  grow(device: string, type: FilesystemType, target: string): Promise<void>;
  /** Of the filesystem of `device` that is mounted at `target`. Throws `unavailable`, also when it does not answer in time. */
  usage(device: string, target: string): Promise<Usage>;
}
