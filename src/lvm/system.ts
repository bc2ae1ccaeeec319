import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../domain/errors.ts';
import type { Run } from '../exec/run.ts';
import { prefixed } from './program.ts';

/** Reads one of the host's LVM configuration files; empty where there is none. */
export type ReadHostFile = (path: string) => Promise<string>;

const hostDirectory = '/etc/lvm';
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
): Promise<boolean> {
  const files = {
    'lvm.conf': await readHostFile(join(hostDirectory, 'lvm.conf')),
    // Of two values for one setting LVM takes the last, though it warns of "ignoring" one: ours come after the host's.
    'lvmlocal.conf': `${await readHostFile(join(hostDirectory, 'lvmlocal.conf'))}\n${localConfiguration(devices)}`,
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  let changed = false;
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) continue;
    await writeFile(`${path}.new`, content, { mode: 0o600 });
    await rename(`${path}.new`, path);
    changed = true;
  }
  return changed;
}

/** Paths that the kernel and udev make hold nothing that LVM's patterns or strings would read as syntax but `.` and `+`. */
export function deviceFilter(devices: readonly string[]): string {
  const unsafe = devices.find((device) => !/^\/dev\/[A-Za-z0-9_.+:\-/]+$/.test(device));
  if (unsafe !== undefined) throw new Failure('invalid', `"${unsafe}" is no device path that LVM can be told of`);
  const accept = devices.map((device) => `"a|^${device.replace(/[.+]/g, '[$&]')}$|"`);
  return `[${[...accept, '"r|.*|"'].join(', ')}]`;
}

function localConfiguration(devices: readonly string[]): string {
  return `devices {
  use_devicesfile = 0
  filter = ${deviceFilter(devices)}
  global_filter = [ "a|.*|" ]
}
config { profile_dir = "${hostDirectory}/profile" }
backup { backup_dir = "${hostDirectory}/backup" archive_dir = "${hostDirectory}/archive" }
`;
}
