import type { FilesystemType } from './volume.ts';

/** A mount of this node, with its block device. */
export interface Mount {
  readonly target: string;
  /** `major:minor`; for a filesystem without a block device, the anonymous number that the kernel gave it. */
  readonly device: string;
  /** `block`: a device node is bind-mounted on a file. */
  readonly access: 'mount' | 'block';
  readonly filesystem: string;
  /** Whether this mount refuses writes; its filesystem may be read-only as well. */
  readonly readOnly: boolean;
}

/**
 * The mounts of this mount namespace. No change takes a signal: a mount that is killed leaves more work than one that ends, and the
 * caller reads the outcome from the table.
 */
export interface Mounts {
  /** From the kernel, at each call; the topmost of several mounts on one path comes last. Throws `unavailable`. */
  read(): Promise<readonly Mount[]>;
  /** Throws `unavailable` if the path is not a block device. */
  deviceNumber(device: string): Promise<string>;
  /** The path as `read` shows it. */
  resolve(path: string): Promise<string>;
  makeDirectory(path: string): Promise<void>;
  makeFile(path: string): Promise<void>;
  /** Removes an empty directory or file; fails on anything else, and succeeds if nothing is there. */
  removeMountPoint(path: string): Promise<void>;
  mount(device: string, target: string, filesystem: FilesystemType, flags: readonly string[]): Promise<void>;
  /** In one program call, so that a crash of the driver cannot separate the bind from its flags. */
  bind(source: string, target: string, flags: readonly string[]): Promise<void>;
  /** The topmost layer of the path; never lazy, never forced. Throws `unavailable` while something holds it. */
  unmount(target: string): Promise<void>;
}
