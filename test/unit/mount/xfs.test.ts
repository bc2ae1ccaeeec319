import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPatience } from '../../../src/concurrency/patience.ts';
import type { Run } from '../../../src/exec/run.ts';
import { growFilesystem } from '../../../src/mount/grow.ts';
import { smallestSizeOfXfs } from '../../../src/mount/xfs.ts';

const block = 4096;
/** Blocks of an allocation group. */
const groupBlocks = 2;

let device: string;
beforeEach(() => (device = join(mkdtempSync(join(tmpdir(), 'quarry-xfs-')), 'device')));
afterEach(() => rm(dirname(device), { recursive: true }));

/** A superblock of a filesystem with so many allocation groups, each of which has a copy. */
function superblock(groups: number, label = ''): Buffer {
  const bytes = Buffer.alloc(groupBlocks * block);
  bytes.writeUInt32BE(0x58465342, 0);
  bytes.writeUInt32BE(block, 4);
  bytes.writeBigUInt64BE(BigInt(groups * groupBlocks), 8);
  bytes.writeUInt32BE(groupBlocks, 84);
  bytes.writeUInt32BE(groups, 88);
  bytes.write(label, 108, 'latin1');
  return bytes;
}

/** @param copies what the other groups begin with */
function write(first: Buffer, copies: readonly Buffer[] = []): void {
  writeFileSync(device, Buffer.concat([first, ...copies]));
}

const sizeOf = (groups: number) => BigInt(groups * groupBlocks * block);
const smallest = () => smallestSizeOfXfs(createPatience(), device);
const same = (groups: number) => Array.from({ length: groups - 1 }, () => superblock(groups));

describe('the size of an XFS', () => {
  test('is that of its superblock, if the copies say the same', async () => {
    write(superblock(3), same(3));
    expect(await smallest()).toBe(sizeOf(3));
  });

  test.each([1, 2])('is that of copy %i, if that one is from before the growth', async (copy) => {
    write(superblock(3), same(3).with(copy - 1, superblock(2)));
    expect(await smallest()).toBe(sizeOf(2));
  });

  test('is 0 if a copy was never written, or is beyond the end of the device', async () => {
    write(superblock(3), same(3).with(1, Buffer.alloc(groupBlocks * block)));
    expect(await smallest()).toBe(0n);
    truncateSync(device, groupBlocks * block + 100);
    expect(await smallest()).toBe(0n);
  });

  test('is known of one with a single group, and of one with hundreds by copies that lie apart', async () => {
    write(superblock(1));
    expect(await smallest()).toBe(sizeOf(1));
    write(superblock(300), same(300));
    expect(await smallest()).toBe(sizeOf(300));
    write(superblock(300), same(300).with(298, superblock(299)));
    expect(await smallest()).toBe(sizeOf(299));
  });

  test('is unknown of a device without XFS', async () => {
    write(Buffer.alloc(block));
    expect(await smallest()).toBeUndefined();
  });
});

describe('a growth', () => {
  /** The programs that it runs, where xfs_growfs says this. */
  const programsOf = async (says: string): Promise<string[]> => {
    const programs: string[] = [];
    const run: Run = async (argv) => {
      programs.push(argv.join(' '));
      return { exitCode: 0, stdout: argv[0] === 'xfs_growfs' ? says : '', stderr: '' };
    };
    await growFilesystem({ run, patience: createPatience() }, 'xfs', device, '/target');
    return programs;
  };

  test('leaves the copies to the kernel, which writes them when it grows the filesystem', async () => {
    write(superblock(3));
    expect(await programsOf('data blocks changed from 4 to 6')).toEqual(['xfs_growfs /target']);
  });

  test.each([
    ['', ['label -c']],
    ['data-1', ['label -s data-1']],
    ['of a user', []],
    ['ü', []],
  ])('that was done but for the copies has them written again with the label "%s"', async (label, commands) => {
    write(superblock(3, label));
    const programs = await programsOf('data size unchanged, skipping');
    expect(programs.slice(1)).toEqual(commands.map((command) => `xfs_io -c ${command} /target`));
  });
});
