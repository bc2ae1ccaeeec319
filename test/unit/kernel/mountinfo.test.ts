import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MountinfoEntry, parseMountinfo } from '../../../src/kernel/mountinfo.ts';

/** The kernel's format (fs/proc_namespace.c, seq_escape of blank, tab, newline, backslash and "#"). */
function print(entry: MountinfoEntry): string {
  const { id, parent, device, root, target, options, tags, filesystem, source, superOptions } = entry;
  const before = [id, parent, device, escape(root), escape(target), options.join(','), ...tags];
  return `${[...before, '-', escape(filesystem), escape(source), superOptions.join(',')].join(' ')}\n`;
}

function escape(text: string): string {
  return text.replaceAll(/[ \t\n\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(' ', '\t', '\n', '\\', '#', '-', '/', '0'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
});
const path = text.map((rest) => `/${rest}`);
const option = fc.stringMatching(/^[a-z][a-z0-9_=:]{0,12}$/);
const entries = fc.array(
  fc.record({
    id: fc.nat(),
    parent: fc.nat(),
    device: fc.tuple(fc.nat(4095), fc.nat(1_048_575)).map(([major, minor]) => `${major}:${minor}`),
    root: path,
    target: path,
    options: fc.array(option, { minLength: 1, maxLength: 5 }),
    tags: fc.array(fc.constantFrom('shared:1', 'master:22', 'propagate_from:3', 'unbindable'), { maxLength: 3 }),
    filesystem: fc.stringMatching(/^[a-z][a-z0-9.]{0,10}$/),
    source: fc.oneof(path, fc.constantFrom('none', 'tmpfs', '-')),
    superOptions: fc.array(option, { minLength: 1, maxLength: 5 }),
  }),
);

describe('mountinfo', () => {
  test('reads back any text that the kernel prints', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(parseMountinfo(list.map(print).join(''))).toEqual(list);
      }),
    );
  });

  test('reads a real line of a bind mount with a blank in its path', () => {
    const line = '36 35 253:300 /a\\040b /mnt/c\\040d ro,noexec master:1 - ext4 /dev/mapper/vg-a rw,errors=continue\n';
    expect(parseMountinfo(line)).toEqual([
      {
        id: 36,
        parent: 35,
        device: '253:300',
        root: '/a b',
        target: '/mnt/c d',
        options: ['ro', 'noexec'],
        tags: ['master:1'],
        filesystem: 'ext4',
        source: '/dev/mapper/vg-a',
        superOptions: ['rw', 'errors=continue'],
      },
    ]);
  });

  test('reads an empty source, and refuses an unknown format', () => {
    expect(parseMountinfo('1 0 0:5 / / rw - rootfs  rw')[0]?.source).toBe('');
    expect(() => parseMountinfo('1 0 0:5 / / rw rootfs none rw')).toThrow('unknown format');
  });
});
