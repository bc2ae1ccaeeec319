import type { FilesystemType } from '../domain/volume.ts';

/** Bytes at the start of a device that contain the superblocks of all our filesystems; that of btrfs is at 64 KiB. */
export const headerLength = 68 * 1024;

export interface Superblock {
  /** Bytes of the device that the filesystem uses; it can grow if the device has more. */
  readonly size: bigint;
  /** Lower case, with dashes; only of ext4. */
  readonly uuid?: string;
  /** It was never mounted; only of ext4. */
  readonly neverMounted?: boolean;
  /** It was unmounted cleanly, has no errors and is not due for a check; only of ext4. */
  readonly clean?: true;
  /** mkfs did not finish; only of xfs. */
  readonly inProgress?: boolean;
}

/** Decodes the superblock in the first `headerLength` bytes of a device; `undefined` if they contain none of that filesystem. */
export function decodeSuperblock(filesystem: FilesystemType, header: Uint8Array): Superblock | undefined {
  if (header.byteLength < headerLength) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  switch (filesystem) {
    case 'ext4':
      return decodeExt4(view, header);
    case 'xfs':
      return decodeXfs(header);
    case 'btrfs':
      return decodeBtrfs(view);
  }
}

/** fs/ext4/ext4.h, struct ext4_super_block: little endian, 1 KiB into the device. */
function decodeExt4(view: DataView, header: Uint8Array): Superblock | undefined {
  const at = 1024;
  if (view.getUint16(at + 0x38, true) !== 0xef53) return undefined;
  const wide = (view.getUint32(at + 0x60, true) & 0x80) !== 0;
  const high = wide ? BigInt(view.getUint32(at + 0x150, true)) : 0n;
  const blocks = (high << 32n) | BigInt(view.getUint32(at + 0x04, true));
  const mountedAt = view.getUint32(at + 0x2c, true);
  const mountCount = view.getUint16(at + 0x34, true);
  return {
    size: blocks << BigInt(10 + (view.getUint32(at + 0x18, true) & 0x1f)),
    uuid: uuidOf(header.subarray(at + 0x68, at + 0x78)),
    neverMounted: mountedAt === 0 && mountCount === 0,
    ...(isCleanExt4(view, at) && { clean: true }),
  };
}

/** Whether e2fsck would stop at the superblock and the kernel would replay and repair nothing; when in doubt, run e2fsck. */
function isCleanExt4(view: DataView, at: number): boolean {
  const valid = view.getUint16(at + 0x3a, true) === 1;
  const checkEveryMounts = view.getInt16(at + 0x36, true);
  const checkEverySeconds = view.getUint32(at + 0x44, true);
  const needsRecovery = (view.getUint32(at + 0x60, true) & 0x4) !== 0;
  const hasOrphans = view.getUint32(at + 0xe8, true) !== 0 || (view.getUint32(at + 0x64, true) & 0x10000) !== 0;
  const errors = view.getUint32(at + 0x194, true);
  const due = checkEveryMounts > 0 || checkEverySeconds > 0;
  return valid && !due && !needsRecovery && !hasOrphans && errors === 0;
}

/** The superblock of an XFS, or a copy of it: one is at the start of each allocation group. */
export interface XfsSuperblock extends Superblock {
  /** Bytes of an allocation group; the last one may be smaller. */
  readonly groupSize: number;
  readonly groups: number;
  /** In latin1, whatever it was written in. */
  readonly label: string;
}

/** Bytes that `decodeXfs` needs. */
export const xfsSuperblockLength = 512;

/** fs/xfs/libxfs/xfs_format.h, struct xfs_dsb: big endian. `undefined` for anything else, and for fewer bytes. */
export function decodeXfs(bytes: Uint8Array): XfsSuperblock | undefined {
  if (bytes.byteLength < xfsSuperblockLength) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, xfsSuperblockLength);
  if (view.getUint32(0) !== 0x58465342) return undefined;
  const block = view.getUint32(4);
  const label = Buffer.from(bytes.subarray(108, 120)).toString('latin1');
  return {
    size: view.getBigUint64(8) * BigInt(block),
    inProgress: view.getUint8(126) !== 0,
    groupSize: view.getUint32(84) * block,
    groups: view.getUint32(88),
    label: label.replace(/\0.*$/s, ''),
  };
}

/** include/uapi/linux/btrfs_tree.h, struct btrfs_super_block: little endian; the size is that of this device's item. */
function decodeBtrfs(view: DataView): Superblock | undefined {
  const at = 64 * 1024;
  if (view.getBigUint64(at + 0x40, true) !== 0x4d5f53665248425fn) return undefined;
  return { size: view.getBigUint64(at + 0xc9 + 8, true) };
}

function uuidOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
