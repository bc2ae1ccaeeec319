import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { programPrefix } from '../../../src/lvm/process/program.ts';
import {
  createReadHostFile,
  devicesSection,
  linkDevices,
  linkName,
  linksIn,
  writeSystemDirectory,
} from '../../../src/lvm/process/system.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quarry-system-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('links exactly the given devices', async () => {
  const links = linksIn(directory);
  expect(await linkDevices(links, ['/dev/sda', '/dev/disk/by-id/a.b+c'])).toBe(true);
  expect(await linkDevices(links, ['/dev/disk/by-id/a.b+c', '/dev/sda'])).toBe(false);
  expect(await readlink(join(links, 'disk!by-id!a.b+c'))).toBe('/dev/disk/by-id/a.b+c');
  expect(await linkDevices(links, ['/dev/sda', '/dev/sdb'])).toBe(true);
  expect((await readdir(links)).sort()).toEqual(['sda', 'sdb']);
});

test('refuses a path that LVM could misread', () => {
  for (const path of ['/dev/a|b', '/dev/a"b', '/dev/a b', '/etc/passwd', 'sda']) {
    expect(() => linkName(path)).toThrow('unsupported device path');
  }
  for (const links of ['/run/a"b', 'run/devices', ' /run', '/run|'])
    expect(() => devicesSection(links)).toThrow('unsupported directory');
});

test('limits LVM to the links', () => {
  const section = devicesSection('/run/q.d/devices');
  expect(section).toContain('scan=["/run/q.d/devices"]');
  expect(section).toContain('filter=["a|^/run/q[.]d/devices/|","r|.*|"]');
});

test('writes the system directory only if it differs', async () => {
  const host = async (path: string) => (path.endsWith('/lvm.conf') ? 'log { verbose = 0 }\n' : '');
  expect(await writeSystemDirectory(directory, ['/dev/sda'], host, 'host', '')).toBe(true);
  expect(await writeSystemDirectory(directory, ['/dev/sda'], host, 'host', '')).toBe(false);
  expect(await writeSystemDirectory(directory, ['/dev/sdb'], host, 'host', '')).toBe(true);
  expect(await writeSystemDirectory(directory, ['/dev/sdb'], async () => 'changed', 'host', '')).toBe(true);
});

test.each([
  ['container', true],
  ['host', false],
  ['direct', false],
] as const)('in mode %s, the setting that LVM itself makes the names below /dev is %s', async (mode, itself) => {
  await writeSystemDirectory(directory, [], async () => 'activation { udev_rules = 1 }', mode, '');
  const written = await readFile(join(directory, 'lvmlocal.conf'), 'utf8');
  expect(written.lastIndexOf('udev_rules = 0') > written.lastIndexOf('udev_rules = 1')).toBe(itself);
});

test.each([
  ['thin_check can, unless told otherwise', '--auto-repair', '', true],
  ['thin_check cannot', '--super-block-only', '', false],
  ['the host has options', '--auto-repair', 'global {\n\tthin_check_options = [ "-q" ]\n}', false],
  ['the host has only the comment of the default', '--auto-repair', '\t# thin_check_options = [ "-q" ]\n', true],
] as const)('the check of a thin pool repairs leaks if %s', async (_when, help, hostFile, repairs) => {
  await writeSystemDirectory(directory, [], async () => hostFile, 'host', help);
  const written = await readFile(join(directory, 'lvmlocal.conf'), 'utf8');
  expect(/thin_check_options = .*"--auto-repair"/.test(written)).toBe(repairs);
});

test('a configuration file that the host lacks is empty, and one that cannot be read is no empty one', async () => {
  const read = createReadHostFile(async () => ({ exitCode: 0, stdout: 'entered', stderr: '' }), []);
  expect(await read(join(directory, 'lvm.conf'))).toBe('');
  await expect(read(directory)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a configuration file of the host is read by a program in its namespaces', async () => {
  const words: (readonly string[])[] = [];
  const read = createReadHostFile(
    async (argv) => {
      words.push(argv);
      return { exitCode: 0, stdout: 'entered', stderr: '' };
    },
    ['nsenter', '--target', '1'],
  );
  expect(await read('/etc/lvm/lvm.conf')).toBe('entered');
  expect(words).toEqual([['nsenter', '--target', '1', 'cat', '/etc/lvm/lvm.conf']]);
});

test("LVM's programs enter the namespaces of process 1 in the mode host, and none in the modes container and direct", async () => {
  const enter = ['nsenter', '--target', '1', '--mount', '--uts', '--ipc', '--net', '--'];
  expect(await programPrefix('host')).toEqual(enter);
  for (const mode of ['container', 'direct'] as const) expect(await programPrefix(mode)).toEqual([]);
});
