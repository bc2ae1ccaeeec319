import type { FilesystemType } from './volume.ts';

/** A mount of this node, with the block device that it gives access to. */
export interface Mount {
  readonly target: string;
  /** `major:minor`; of a filesystem without a block device the anonymous number that the kernel gave it. */
  readonly device: string;
  /** `block`: a device node is bind-mounted on a file. */
  readonly access: 'mount' | 'block';
  readonly filesystem: string;
  /** Whether this mount refuses writes; its filesystem may beside that. */
  readonly readOnly: boolean;
}

/**
 * The mounts of this mount namespace. None of the changes takes a signal: a mount that was begun ends sooner and better than
 * one that was killed, and the caller finds its outcome in the table.
 */
export interface Mounts {
  /** From the kernel, at each call; of several mounts on one path the topmost comes last. Throws `unavailable`. */
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
  /** One program call, so that no crash of ours comes between the bind and its flags. */
  bind(source: string, target: string, flags: readonly string[]): Promise<void>;
  /** The topmost layer of the path; never lazy, never forced. Throws `unavailable` while something holds it. */
  unmount(target: string): Promise<void>;
}
