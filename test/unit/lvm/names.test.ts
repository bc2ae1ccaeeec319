import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LvName, VgName } from '../../../src/domain/ids.ts';
import { parseVolumeId, volumeIdFor } from '../../../src/domain/ids.ts';
import { devicePath, groupOfDevice, isMoveName, lvNameFor, nodeNameFor } from '../../../src/lvm/names.ts';

/** lvm(8), "Valid names". */
function refusedByLvm(name: string): boolean {
  const reserved = ['snapshot', 'pvmove'].some((start) => name.startsWith(start)) || /^lvol\d/.test(name);
  const parts = /_(cdata|cmeta|corig|iorig|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|vorigin|vdata|imeta)/;
  return (
    reserved || parts.test(name) || name === '.' || name === '..' || !/^[A-Za-z0-9_.+][A-Za-z0-9_.+-]*$/.test(name)
  );
}

const legalAlphabet = fc.constantFrom(...Array.from('abcXYZ019_.+-'));
const csiNames = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }),
  fc.string({ unit: legalAlphabet, minLength: 1, maxLength: 128 }),
  fc
    .tuple(
      fc.constantFrom('snapshot', 'pvmove', 'lvol0', 'x_tdata', 'x_rimage_0', 'q-', '-', '..', 'thinpool'),
      fc.string(),
    )
    .map(([start, rest]) => start + rest),
  // Names in which device-mapper doubles nearly all characters.
  fc.integer({ min: 1, max: 80 }).map((count) => `a${'-'.repeat(count)}`),
);

test('turns every name into one that LVM, device-mapper and volume ids accept', () => {
  fc.assert(
    fc.property(csiNames, (name) => {
      const lv = lvNameFor(name);
      expect(refusedByLvm(lv)).toBe(false);
      expect(lv.length).toBeLessThanOrEqual(63);
      expect(lv.replaceAll('-', '--').length).toBeLessThanOrEqual(127 - '_rimage_10'.length - 67);
      expect(['thinpool', 'thinpoolm']).not.toContain(lv);
      const node = nodeNameFor('n'.repeat(253));
      const id = volumeIdFor(node, lv);
      expect(Buffer.byteLength(id)).toBeLessThanOrEqual(128);
      expect(parseVolumeId(id)).toEqual({ id, node, lv });
    }),
  );
});

test('knows the name of a move from others that begin like it', () => {
  const names = ['pvmove0', 'pvmove12', 'pvmove', 'pvmove0_mimage_0', 'x-pvmove0'];
  expect(names.filter(isMoveName)).toEqual(['pvmove0', 'pvmove12']);
});

test('gives two names two logical volumes', () => {
  fc.assert(
    fc.property(csiNames, csiNames, (one, other) => {
      fc.pre(one !== other);
      expect(lvNameFor(one)).not.toBe(lvNameFor(other));
    }),
  );
});

test('a name that looks like a hash does not reach the volume of another name', () => {
  const hashed = lvNameFor('größe');
  expect(hashed).toMatch(/^q-/);
  expect(lvNameFor(hashed)).not.toBe(hashed);
});

test('keeps a name that LVM accepts', () => {
  expect(lvNameFor('pvc-0b6f3a44-5e0b-4b0e-9a53-0a4d3f0d7a11')).toBe('pvc-0b6f3a44-5e0b-4b0e-9a53-0a4d3f0d7a11');
});

test('doubles hyphens in device paths', () => {
  expect(devicePath('my-group' as VgName, 'a--b' as LvName)).toBe('/dev/mapper/my--group-a----b');
});

test('keeps short node names, hashes long ones and refuses invalid ones', () => {
  expect(nodeNameFor('node-1.example')).toBe('node-1.example');
  expect(nodeNameFor(`${'a'.repeat(100)}.b`)).toMatch(/^n-[0-9a-f]{40}$/);
  for (const name of ['', '-a', 'a-', 'a b', 'ü', 'a_b']) expect(() => nodeNameFor(name)).toThrow('is not a node name');
});

test('keeps the names of hashed nodes apart from names that only look like them', () => {
  const long = nodeNameFor(`${'a'.repeat(100)}.b`);
  expect(nodeNameFor(long)).not.toBe(long);
  expect(nodeNameFor(long.toUpperCase())).not.toBe(long.toUpperCase());
  expect(nodeNameFor('n-1')).toBe('n-1');
});

test('finds the group of a device by its name, also if one group name begins with another', () => {
  const groups = ['a', 'a-b'] as VgName[];
  const lv = 'v-1' as LvName;
  for (const group of groups) expect(groupOfDevice(devicePath(group, lv), groups)).toBe(group);
  expect(groupOfDevice(devicePath('other' as VgName, lv), groups)).toBe('/dev/mapper/other-v--1');
  expect(groupOfDevice('/dev/sda', groups)).toBe('/dev/sda');
});
