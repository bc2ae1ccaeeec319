import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Run } from '../exec/run.ts';
import { type LvmMode, prefixed } from './program.ts';

/** Reads one of the host's LVM configuration files; empty where there is none. */
export type ReadHostFile = (path: string) => Promise<string>;

export const hostDirectory = '/etc/lvm';
/** The profile that LVM ships for its D-Bus daemon. Without it, a long-lived process does not answer in JSON. */
export const shellProfile = `${hostDirectory}/profile/lvmdbusd.profile`;

/** Through `enter` (nsenter and its options) when the host's files are not this container's. */
export function createReadHostFile(run: Run, enter: readonly string[]): ReadHostFile {
  if (enter.length === 0) return readOwnFile;
  return async (path) => {
    const result = await run([...prefixed(enter, 'cat'), path], { deadline: 5000 });
    if (result.exitCode === 0) return result.stdout;
    if (/No such file/.test(result.stderr)) return '';
    throw new Failure('unavailable', `${path} could not be read: ${result.stderr.trim()}`);
  };
}

async function readOwnFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new Failure('unavailable', `${path} could not be read: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Writes an LVM system directory that is the host's configuration, narrowed to `devices`. It does what `--devices` would,
 * which the long-lived lvm process does not survive, and overrides a devices file or filter of the host for us alone.
 * Returns whether anything changed.
 */
export async function writeSystemDirectory(
  directory: string,
  devices: readonly string[],
  readHostFile: ReadHostFile,
  mode: LvmMode,
): Promise<boolean> {
  const links = linksIn(directory);
  const files = {
    'lvm.conf': await readHostFile(join(hostDirectory, 'lvm.conf')),
    // Of two values for one setting LVM takes the last, though it warns of "ignoring" one: ours come after the host's.
    'lvmlocal.conf': `${await readHostFile(join(hostDirectory, 'lvmlocal.conf'))}\n${localConfiguration(links, mode)}`,
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let changed = await linkDevices(links, devices);
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) continue;
    await writeFile(`${path}.new`, content, { mode: 0o600 });
    await rename(`${path}.new`, path);
    changed = true;
  }
  return changed;
}

/**
 * Makes `links` a directory of links to these devices, and of nothing else. LVM walks all of what it scans at every command:
 * of /dev that is three nodes a volume, ten times what the command itself takes with a thousand of them. Returns whether
 * anything changed.
 */
export async function linkDevices(links: string, devices: readonly string[]): Promise<boolean> {
  const wanted = new Map(devices.map((device) => [linkName(device), device]));
  await mkdir(links, { recursive: true, mode: 0o700 });
  const present = new Set(await readdir(links));
  const extra = [...present].filter((name) => !wanted.has(name));
  const missing = [...wanted].filter(([name]) => !present.has(name));
  for (const name of extra) await rm(join(links, name));
  for (const [name, device] of missing) await symlink(device, join(links, name));
  return extra.length + missing.length > 0;
}

/** Where, in a system directory, the links to the devices are that our LVM may see. */
export function linksIn(directory: string): string {
  return join(directory, 'devices');
}

/** Paths that the kernel and udev make need no quoting anywhere. As the kernel does in sysfs, `!` stands for `/`. */
export function linkName(device: string): string {
  if (/^\/dev\/[A-Za-z0-9_.+:\-/]+$/.test(device)) return device.slice('/dev/'.length).replaceAll('/', '!');
  throw new Failure('invalid', `"${device}" is no device path that LVM can be told of`);
}

/** LVM's `devices` section for a look at the links alone, without spaces: it also goes into an argument. */
export function devicesSection(links: string): string {
  if (!/^\/[A-Za-z0-9_.+\-/]+$/.test(links))
    throw new Failure('invalid', `"${links}" is no directory that LVM can be told of`);
  const pattern = links.replace(/[.+]/g, '[$&]');
  const settings = [
    'use_devicesfile=0',
    // udev would list all block devices of the machine again.
    'obtain_device_list_from_udev=0',
    `scan=["${links}"]`,
    `filter=["a|^${pattern}/|","r|.*|"]`,
    'global_filter=["a|.*|"]',
  ];
  return `devices{${settings.join(' ')}}`;
}

/**
 * udev and dmeventd are the host's. In a container LVM would leave names below /dev to a udev that is not there (and not find the
 * volume that it has made), and start a dmeventd that ends with the container.
 */
const alone = 'activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }\n';

function localConfiguration(links: string, mode: LvmMode): string {
  return `${devicesSection(links)}
config { profile_dir = "${hostDirectory}/profile" }
backup { backup_dir = "${hostDirectory}/backup" archive_dir = "${hostDirectory}/archive" }
${mode === 'container' ? alone : ''}`;
}
