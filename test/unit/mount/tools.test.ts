import { createPatience } from '../../../src/concurrency/patience.ts';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { VolumeId } from '../../../src/domain/ids.ts';
import type { Run, RunResult } from '../../../src/exec/run.ts';
import { checkExt4 } from '../../../src/mount/check.ts';
import { mkfsCommand } from '../../../src/mount/make.ts';
import { markOf } from '../../../src/mount/mark.ts';
import { probe } from '../../../src/mount/probe.ts';
import { folderOfTest } from '../../support/folder-of-test.ts';

const id = 'n1:a' as VolumeId;
const MiB = 1024n ** 2n;

function answering(exitCode: number, stdout = '', stderr = ''): Run {
  return async (): Promise<RunResult> => ({ exitCode, stdout, stderr });
}

function image(content: Uint8Array = new Uint8Array()): string {
  const path = join(folderOfTest(), 'device');
  writeFileSync(path, content);
  truncateSync(path, Number(2n * MiB));
  return path;
}

/** The probe's tools, with a blkid that gives this answer. */
const told = (...answer: Parameters<typeof answering>) => ({
  run: answering(...answer),
  patience: createPatience(),
});

describe('probing a device', () => {
  test('treats "nothing found" as blank if the device can be read', async () => {
    expect(await probe(told(2), image(), 2n * MiB, id)).toEqual({ holds: 'nothing' });
  });

  test('throws on "nothing found" if the device cannot be read, or ends early', async () => {
    await expect(probe(told(2), '/nothing/here', MiB, id)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(probe(told(2), image(), 3n * MiB, id)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test.each([1, 4, 127])('throws on exit code %i of blkid', async (code) => {
    await expect(probe(told(code), image(), MiB, id)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('names content that is not a filesystem of ours', async () => {
    const output = 'DEVNAME=/dev/x\nPTUUID=ab\nPTTYPE=gpt\n';
    expect(await probe(told(0, output), image(), MiB, id)).toEqual({
      holds: 'something',
      name: 'a gpt partition table',
    });
    expect(await probe(told(8), image(), MiB, id)).toMatchObject({ holds: 'something' });
    expect(await probe(told(0, 'TYPE=xfs\n'), image(), MiB, id)).toEqual({
      holds: 'something',
      name: 'a damaged xfs',
    });
    expect(await probe(told(0, 'USAGE=other\n'), image(), MiB, id)).toEqual({
      holds: 'something',
      name: 'an unknown signature',
    });
    expect(await probe(told(0, 'VERSION=2\nUUID=a-b\nTYPE=crypto_LUKS\nUSAGE=crypto\n'), image(), MiB, id)).toEqual({
      holds: 'something',
      name: 'crypto_LUKS',
      uuid: 'a-b',
    });
  });

  test.each([
    ['our mark, never mounted', markOf(id), 0, true],
    ['our mark, mounted', markOf(id), 1, false],
    ['the mark of the volume it is a copy of', markOf('n1:origin' as VolumeId), 0, false],
  ])('recognises an unfinished mkfs: ext4 with %s', async (_, uuid, mounts, unfinished) => {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    view.setUint16(1024 + 0x38, 0xef53, true);
    view.setUint16(1024 + 0x34, mounts, true);
    bytes.set(Buffer.from(uuid.replaceAll('-', ''), 'hex'), 1024 + 0x68);
    const content = await probe(told(0, 'TYPE=ext4\n'), image(bytes), MiB, id);
    expect(content).toMatchObject({ holds: 'filesystem', type: 'ext4', unfinished });
  });
});

test('makes a mark that is a UUID of version 8', () => {
  expect(markOf(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

describe('mkfs', () => {
  const thin = { id, layout: { type: 'thin' as const }, mkfsOptions: ['-b', '4096'] };

  test.each(['ext4', 'xfs', 'btrfs'] as const)(
    'calls mkfs.%s with the options of the class last, and without force',
    (type) => {
      const argv = mkfsCommand(thin, type, '/dev/x', false);
      expect(argv.slice(-3)).toEqual(['-b', '4096', '/dev/x']);
      expect(argv).not.toContain('-f');
      expect(argv).not.toContain('-F');
    },
  );

  test('forces mkfs over an unfinished xfs or btrfs; ext4 needs no force', () => {
    expect(mkfsCommand(thin, 'xfs', '/dev/x', true)).toContain('-f');
    expect(mkfsCommand(thin, 'ext4', '/dev/x', true)).toEqual(mkfsCommand(thin, 'ext4', '/dev/x', false));
  });

  test('zeroes the journal of a thick volume, which may have old bytes', () => {
    const thick = { ...thin, layout: { type: 'thick' as const, stripes: 1, stripeSize: 0n, mirrors: 0 } };
    expect(mkfsCommand(thick, 'ext4', '/dev/x', false).join(' ')).toContain('lazy_journal_init=0');
    expect(mkfsCommand(thin, 'ext4', '/dev/x', false).join(' ')).toContain('lazy_journal_init=1');
  });
});

describe('checking an ext4', () => {
  const ext4 = (...fields: [number, number][]): string => {
    const view = new DataView(new ArrayBuffer(4096));
    for (const [at, value] of [[0x38, 0xef53], [0x3a, 1], ...fields] as const) view.setUint16(1024 + at, value, true);
    return image(new Uint8Array(view.buffer));
  };
  const failing = told(8);

  test('starts no e2fsck for a cleanly unmounted ext4, unless the check is thorough', async () => {
    await expect(checkExt4(failing, ext4(), false)).resolves.toBeUndefined();
    await expect(checkExt4(failing, ext4(), true)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test.each([
    ['errors', [0x3a, 3]],
    ['an unclean unmount', [0x3a, 0]],
    ['orphans in progress', [0x3a, 5]],
    ['a journal to replay', [0x60, 4]],
    ['a list of orphans', [0xe8, 12]],
    ['a file of orphans', [0x66, 1]],
    ['errors that the kernel counted', [0x194, 1]],
    ['a check every so many mounts', [0x36, 20]],
    ['a check every so many seconds', [0x44, 1]],
  ] satisfies [string, [number, number]][])('runs e2fsck on an ext4 with %s', async (_, field) => {
    await expect(checkExt4(failing, ext4(field), false)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test.each([0, 1])('accepts exit code %i of e2fsck', async (code) => {
    await expect(checkExt4(told(code), image(), false)).resolves.toBeUndefined();
  });

  test.each([
    [4, 'precondition'],
    [5, 'precondition'],
    [12, 'precondition'],
    [2, 'unavailable'],
    [8, 'unavailable'],
    [32, 'unavailable'],
  ])('translates exit code %i of e2fsck to %s', async (code, kind) => {
    const checked = checkExt4(told(code, '', 'UNEXPECTED INCONSISTENCY'), image(), false);
    await expect(checked).rejects.toMatchObject({ kind, message: expect.stringContaining('UNEXPECTED INCONSISTENCY') });
  });
});
