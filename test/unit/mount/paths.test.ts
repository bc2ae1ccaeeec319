import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { holdersOf } from '../../../src/mount/holders.ts';
import { makeDirectory, makeFile, removeMountPoint, resolvePath } from '../../../src/mount/paths.ts';
import { folderOfTest } from '../../support/folder-of-test.ts';

let base: string;
beforeEach(() => {
  base = folderOfTest();
});

describe('mount points', () => {
  test('makes mount points with their parents, repeatedly, and removes them without their parents', async () => {
    for (const make of [makeDirectory, makeFile]) {
      const path = join(base, make.name, 'b', 'c');
      await make(path);
      await make(path);
      expect(existsSync(path)).toBe(true);
      await removeMountPoint(path);
      await removeMountPoint(path);
      expect(existsSync(path)).toBe(false);
      expect(existsSync(join(path, '..'))).toBe(true);
    }
  });

  test('refuses to remove mount points with content', async () => {
    mkdirSync(join(base, 'd'));
    writeFileSync(join(base, 'd', 'data'), 'x');
    await expect(removeMountPoint(join(base, 'd'))).rejects.toMatchObject({ kind: 'precondition' });
    await expect(removeMountPoint(join(base, 'd', 'data'))).rejects.toMatchObject({ kind: 'precondition' });
    expect(readdirSync(join(base, 'd'))).toEqual(['data']);
  });

  test('refuses to make a mount point where something else is, or through a link', async () => {
    writeFileSync(join(base, 'file'), '');
    symlinkSync(tmpdir(), join(base, 'link'));
    mkdirSync(join(base, 'directory'));
    await expect(makeDirectory(join(base, 'file'))).rejects.toMatchObject({ kind: 'exists' });
    await expect(makeDirectory(join(base, 'file', 'below'))).rejects.toMatchObject({ kind: 'exists' });
    await expect(makeDirectory(join(base, 'link'))).rejects.toMatchObject({ kind: 'exists' });
    await expect(makeFile(join(base, 'link'))).rejects.toMatchObject({ kind: 'exists' });
    await expect(makeFile(join(base, 'directory'))).rejects.toMatchObject({ kind: 'exists' });
  });

  test('treats mount points without parents as removed', async () => {
    await expect(removeMountPoint(join(base, 'no', 'such', 'path'))).resolves.toBeUndefined();
  });
});

test('resolves links in parents, but not the last part, and keeps missing parts', async () => {
  mkdirSync(join(base, 'real'));
  symlinkSync(join(base, 'real'), join(base, 'link'));
  symlinkSync(tmpdir(), join(base, 'real', 'last'));
  expect(await resolvePath(join(base, 'link', 'x'))).toBe(join(base, 'real', 'x'));
  expect(await resolvePath(join(base, 'link', 'no', 'x'))).toBe(join(base, 'real', 'no', 'x'));
  expect(await resolvePath(join(base, 'link', 'last'))).toBe(join(base, 'real', 'last'));
});

test('lists the processes that use a path by name', async () => {
  const proc = join(base, 'proc');
  mkdirSync(join(proc, '77', 'fd'), { recursive: true });
  mkdirSync(join(proc, '78', 'fd'), { recursive: true });
  writeFileSync(join(proc, '77', 'comm'), 'postgres\n');
  symlinkSync('/mnt/a/data', join(proc, '77', 'fd', '4'));
  symlinkSync('/mnt/ab', join(proc, '78', 'fd', '4'));
  expect(await holdersOf('/mnt/a', proc)).toEqual(['postgres (77)']);
});
