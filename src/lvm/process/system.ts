import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure, messageOf } from '../../domain/errors.ts';
import type { Run } from '../../exec/run.ts';
import { type LvmMode, prefixed } from './program.ts';

/** Reads one of the host's LVM configuration files; empty if it does not exist. */
export type ReadHostFile = (path: string) => Promise<string>;

/** Milliseconds: a busy machine may take seconds to start a program. */
const readWithin = 30_000;
export const hostDirectory = '/etc/lvm';
/** The profile that LVM ships for its D-Bus daemon. Without it, a long-lived process does not answer in JSON. */
export const shellProfile = `${hostDirectory}/profile/lvmdbusd.profile`;

/** @param enter nsenter and its options if this is a container without the host's files; else empty */
export function createReadHostFile(run: Run, enter: readonly string[]): ReadHostFile {
  if (enter.length === 0) return readOwnFile;
  return async (path) => {
    const result = await run([...prefixed(enter, 'cat'), path], { deadline: readWithin });
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
 * Writes an LVM system directory: the host's configuration, limited to `devices`. This has the effect of `--devices`, which crashes the
 * long-lived lvm process, and overrides the host's devices file and filter only for us. Returns whether anything changed.
 * `thinCheckHelp` is the output of `thin_check --help`.
 */
export async function writeSystemDirectory(
  directory: string,
  devices: readonly string[],
  readHostFile: ReadHostFile,
  mode: LvmMode,
  thinCheckHelp: string,
): Promise<boolean> {
  const links = linksIn(directory);
  const global = await readHostFile(join(hostDirectory, 'lvm.conf'));
  const local = await readHostFile(join(hostDirectory, 'lvmlocal.conf'));
  const thinCheck = thinCheckSection(thinCheckHelp, `${global}\n${local}`);
  const files = {
    'lvm.conf': global,
    // If a setting has two values, LVM uses the last, though it warns of "ignoring" one: ours come after the host's.
    'lvmlocal.conf': `${local}\n${localConfiguration(links, mode)}${thinCheck}`,
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
 * Makes `links` a directory of links to exactly these devices. Every LVM command walks all that it may scan: in /dev that is three nodes
 * per volume, which with a thousand volumes takes ten times as long as the command itself. Returns whether anything changed.
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

/** The device of a link that has such a name. */
export function linkedDevice(link: string): string {
  return `/dev/${basename(link).replaceAll('!', '/')}`;
}

/** The directory, in a system directory, with the links to the devices that our LVM may see. */
export function linksIn(directory: string): string {
  return join(directory, 'devices');
}

/** The link's name for a device path: `!` replaces `/`, as in sysfs. Refuses paths that would need quoting; the kernel and udev make none. */
export function linkName(device: string): string {
  if (/^\/dev\/[A-Za-z0-9_.+:\-/]+$/.test(device)) return device.slice('/dev/'.length).replaceAll('/', '!');
  throw new Failure('invalid', `unsupported device path "${device}"`);
}

/** LVM's `devices` section that limits it to the links. It has no spaces, so that it can be an argument too. */
export function devicesSection(links: string): string {
  if (!/^\/[A-Za-z0-9_.+\-/]+$/.test(links))
    throw new Failure('invalid', `unsupported directory "${links}" for links to devices`);
  const pattern = links.replace(/[.+]/g, '[$&]');
  const settings = [
    'use_devicesfile=0',
    // udev would list all block devices of the machine.
    'obtain_device_list_from_udev=0',
    `scan=["${links}"]`,
    `filter=["a|^${pattern}/|","r|.*|"]`,
    'global_filter=["a|.*|"]',
  ];
  return `devices{${settings.join(' ')}}`;
}

/**
 * For a container, which has no udev or dmeventd of the host: LVM would wait for udev to make the names below /dev (and not find its new
 * volume), and start a dmeventd that ends with the container.
 */
const alone = 'activation { udev_sync = 0 udev_rules = 0 monitoring = 0 }\n';

/**
 * Lets LVM's check of a thin pool repair leaks. dm-thin may commit the allocation of a block before the mapping that uses it, so a power cut
 * leaves a block that belongs to nothing (seen with `npm run replay -- --operation stage-xfs`). thin_check ends with an error then, and
 * LVM activates the pool no more. Empty if thin_check is older than 0.9, or if the host has options of its own.
 */
function thinCheckSection(help: string, hostConfiguration: string): string {
  const own = /^\s*(?:global\s*\/\s*)?thin_check_options\s*=/m.test(hostConfiguration);
  if (own || !help.includes('--auto-repair')) return '';
  return 'global { thin_check_options = [ "-q", "--clear-needs-check-flag", "--auto-repair" ] }\n';
}

function localConfiguration(links: string, mode: LvmMode): string {
  return `${devicesSection(links)}
config { profile_dir = "${hostDirectory}/profile" }
global { use_lvmpolld = 0 }
backup { backup_dir = "${hostDirectory}/backup" archive_dir = "${hostDirectory}/archive" }
${mode === 'container' ? alone : ''}`;
}
