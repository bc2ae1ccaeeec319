import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeDeviceNumber, deviceNumberOf } from '../../../src/kernel/block-device.ts';
import { readMounts, readSettled, type TableSources, tearsMounts, mountsOf } from '../../../src/mount/table.ts';

const nodes: Readonly<Record<string, `${bigint}:${bigint}`>> = {
  '/dev/mapper/vg-a': '253:3',
  '/dev/mapper/vg-b': '253:300',
  '/staging/a/device': '253:3',
  '/pod/b': '253:300',
};

function sources(...lines: string[]): TableSources {
  return { mountinfo: async () => lines.join('\n'), deviceNumberOf: async (path) => nodes[path] };
}

const root = '1 0 0:20 / / rw - overlay overlay rw';
const ext4 = '2 1 253:3 / /staging/e rw,relatime shared:1 - ext4 /dev/mapper/vg-a rw';
const bind = '3 1 253:3 / /pod/e ro,relatime shared:1 - ext4 /dev/mapper/vg-a rw';
const btrfs = '4 1 0:44 / /staging/btr rw - btrfs /dev/mapper/vg-b rw,subvolid=5,subvol=/';
const blockByNumber = '5 1 0:6 /dm-3 /staging/a/device rw - devtmpfs udev rw';
const blockByName = '6 1 0:6 /mapper/vg-b /pod/b rw - devtmpfs udev rw';

describe('the mount table', () => {
  test('finds the device behind each kind of mount', async () => {
    const mounts = await readMounts(sources(root, ext4, bind, btrfs, blockByNumber, blockByName));
    expect(mounts.map(({ target, device, access, readOnly }) => [target, device, access, readOnly])).toEqual([
      ['/', '0:20', 'mount', false],
      ['/staging/e', '253:3', 'mount', false],
      ['/pod/e', '253:3', 'mount', true],
      ['/staging/btr', '253:300', 'mount', false],
      ['/staging/a/device', '253:3', 'block', false],
      ['/pod/b', '253:300', 'block', false],
    ]);
  });

  test('does not touch mounts that cannot be volumes', async () => {
    const touched: string[] = [];
    await readMounts({
      mountinfo: async () => `${root}\n7 1 0:50 / /dead/nfs rw - nfs4 server:/x rw\n${blockByName}`,
      deviceNumberOf: async (path) => void touched.push(path),
    });
    expect(touched).toEqual(['/pod/b']);
  });

  test('throws if the mount table cannot be read', async () => {
    const broken = { ...sources(), mountinfo: () => Promise.reject(new Error('no')) };
    await expect(readMounts(broken)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(mountsOf('/dev/mapper/vg-a', [], broken)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

test('reads the table until it stays the same', async () => {
  const texts = ['a', 'ab', 'b', 'b', 'c'];
  expect(await readSettled(async () => texts.shift() ?? '')).toBe('b');
  let restless = 0;
  await expect(readSettled(async () => String(restless++))).rejects.toThrow('changed');
});

describe('the uses of a device', () => {
  test('finds the mounts, binds and raw binds of a device, and no others', async () => {
    const all = sources(root, ext4, bind, btrfs, blockByNumber, blockByName);
    expect(await mountsOf('/dev/mapper/vg-a', [], all)).toEqual(['/staging/e', '/pod/e', '/staging/a/device']);
    expect(await mountsOf('/dev/mapper/vg-b', [], all)).toEqual(['/staging/btr', '/pod/b']);
    expect(await mountsOf('/dev/mapper/vg-b', [], sources(root, ext4))).toEqual([]);
  });

  test('finds the uses of a device whose node was removed by its name', async () => {
    const left = sources(root, '8 1 0:6 /mapper/vg-gone//deleted /pod/gone rw - devtmpfs udev rw');
    expect(await mountsOf('/dev/mapper/vg-gone', [], left)).toEqual(['/pod/gone']);
  });
});

describe('device numbers', () => {
  test('decodes all bits of a device number', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 32n - 1n), fc.bigInt(0n, 2n ** 32n - 1n), (major, minor) => {
        // glibc's gnu_dev_makedev
        const dev =
          ((major & 0xfffn) << 8n) | ((major & 0xfffff000n) << 32n) | (minor & 0xffn) | ((minor & 0xffffff00n) << 12n);
        expect(decodeDeviceNumber(dev)).toBe(`${major}:${minor}`);
      }),
    );
  });

  test('finds no device number of a path that is not a block device', async () => {
    expect(await deviceNumberOf('/dev/null')).toBeUndefined();
    expect(await deviceNumberOf('/nothing/here')).toBeUndefined();
    expect(await deviceNumberOf('/dev/null/below')).toBeUndefined();
  });
});

test.each([
  ['5.4.0-216-generic', true],
  ['4.18.0-553.el8', true],
  ['5.8.0', false],
  ['6.1.0-28-amd64', false],
  ['10.0', false],
])('decides whether kernel %s may lose lines of the table: %s', (kernel, tears) =>
  expect(tearsMounts(kernel)).toBe(tears),
);
