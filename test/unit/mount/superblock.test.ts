import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSuperblock, headerLength } from '../../../src/mount/superblock.ts';

function header(write: (view: DataView) => void): Uint8Array {
  // A subarray that does not begin at the start of its buffer.
  const bytes = new Uint8Array(headerLength + 512).subarray(512);
  write(new DataView(bytes.buffer, bytes.byteOffset));
  return bytes;
}

describe('superblocks', () => {
  test('reads size over 32 bits, UUID and mount state of an ext4', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(0xffff), fc.constantFrom(0, 2), fc.boolean(), (low, high, log, wide) => {
        const bytes = header((view) => {
          view.setUint16(1024 + 0x38, 0xef53, true);
          view.setUint32(1024 + 0x04, low, true);
          view.setUint32(1024 + 0x18, log, true);
          view.setUint32(1024 + 0x60, wide ? 0x80 : 0, true);
          view.setUint32(1024 + 0x150, high, true);
          view.setUint8(1024 + 0x68, 0xab);
        });
        const blocks = BigInt(low) + (wide ? BigInt(high) * 2n ** 32n : 0n);
        expect(decodeSuperblock('ext4', bytes)).toEqual({
          size: blocks * 1024n * 2n ** BigInt(log),
          uuid: 'ab000000-0000-0000-0000-000000000000',
          neverMounted: true,
        });
      }),
    );
  });

  test.each([
    ['a time of mount', 0x2c],
    ['a count of mounts', 0x34],
  ])('reads an ext4 with %s as mounted', (_, offset) => {
    const bytes = header((view) => {
      view.setUint16(1024 + 0x38, 0xef53, true);
      view.setUint16(1024 + offset, 1, true);
    });
    expect(decodeSuperblock('ext4', bytes)?.neverMounted).toBe(false);
  });

  test('reads size and an unfinished mkfs of an xfs', () => {
    const bytes = header((view) => {
      view.setUint32(0, 0x58465342);
      view.setUint32(4, 4096);
      view.setBigUint64(8, 2n ** 40n);
      view.setUint8(126, 1);
    });
    expect(decodeSuperblock('xfs', bytes)).toMatchObject({ size: 2n ** 52n, inProgress: true });
  });

  test('reads the size of the device of a btrfs', () => {
    const bytes = header((view) => {
      for (const [at, byte] of Buffer.from('_BHRfS_M').entries()) view.setUint8(65_536 + 0x40 + at, byte);
      view.setBigUint64(65_536 + 0xd1, 5n, true);
    });
    expect(decodeSuperblock('btrfs', bytes)).toEqual({ size: 5n });
  });

  test.each(['ext4', 'xfs', 'btrfs'] as const)('reads no %s from anything else', (type) => {
    expect(
      decodeSuperblock(
        type,
        header(() => undefined),
      ),
    ).toBeUndefined();
    expect(decodeSuperblock(type, new Uint8Array(100))).toBeUndefined();
  });
});
