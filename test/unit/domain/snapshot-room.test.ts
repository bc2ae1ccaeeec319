import { expect, test } from 'vitest';
import { KiB, MiB } from '../../../src/domain/bytes.ts';
import { largestRoom, roomFor } from '../../../src/domain/snapshot-room.ts';

const extent = 4n * MiB;

test('100 % is room for every write of the volume: each chunk of 4 KiB needs 16 bytes more', () => {
  for (const size of [4n * MiB, 64n * MiB, 92n * MiB, 1024n * MiB]) {
    const room = roomFor({ percent: 100 }, size, extent);
    expect(room).toBeGreaterThanOrEqual(size + (size / (4n * KiB)) * 16n);
    expect(room).toBe(largestRoom(size, extent));
  }
});

test('any other room is what its class says, in whole extents, and never more than every write needs', () => {
  expect(roomFor({ percent: 20 }, 100n * MiB, extent)).toBe(20n * MiB);
  expect(roomFor({ percent: 20 }, 4n * MiB, extent)).toBe(extent);
  expect(roomFor({ bytes: 9n * MiB }, 100n * MiB, extent)).toBe(12n * MiB);
  expect(roomFor({ bytes: 900n * MiB }, 100n * MiB, extent)).toBe(largestRoom(100n * MiB, extent));
});
