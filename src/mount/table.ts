import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import { Failure } from '../domain/errors.ts';
import type { Mount } from '../domain/mounts.ts';
import { type DeviceNumber, deviceNumberOf } from '../kernel/block-device.ts';
import { type MountinfoEntry, parseMountinfo } from '../kernel/mountinfo.ts';

export interface TableSources {
  /** The text of /proc/self/mountinfo. */
  readonly mountinfo: () => Promise<string>;
  readonly deviceNumberOf: (path: string) => Promise<DeviceNumber | undefined>;
}

const kernelSources: TableSources = {
  mountinfo: () => (tearsMounts(release()) ? readSettled(readMountinfo) : readMountinfo()),
  deviceNumberOf,
};

const attempts = 10;

function readMountinfo(): Promise<string> {
  return readFile('/proc/self/mountinfo', 'utf8');
}

/** Whether the kernel of this release, such as `5.4.0-1`, may lose lines of a table that changes while it is read. */
export function tearsMounts(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  return major < 5 || (major === 5 && minor < 8);
}

/**
 * The kernel returns the table one page at a time. Before 5.8, if a mount vanished between two pages, a later mount was left out. A text
 * that is read twice in a row is complete. Throws if the text keeps changing.
 */
export async function readSettled(read: () => Promise<string>): Promise<string> {
  let last = await read();
  for (let attempt = 1; attempt < attempts; attempt++) {
    const text = await read();
    if (text === last) return text;
    last = text;
  }
  throw new Error(`the table of mounts changed during each of ${attempts} readings`);
}

/** Every mount of this mount namespace, in the order of the kernel: the topmost of a path comes last. Throws `unavailable`. */
export async function readMounts(sources: TableSources = kernelSources): Promise<Mount[]> {
  const entries = await readEntries(sources);
  return Promise.all(entries.map(async (entry) => toMount(entry, await deviceBehind(entry, sources))));
}

/**
 * The targets at which a device, or one with a number in `above`, is staged, published or otherwise mounted in this mount namespace, from
 * one reading of the table. Finds a bind mount whose device node was removed by the name that the kernel remembers.
 */
export async function mountsOf(
  device: string,
  above: readonly DeviceNumber[] = [],
  sources: TableSources = kernelSources,
): Promise<string[]> {
  const number = await sources.deviceNumberOf(device);
  const numbers: readonly string[] = number === undefined ? above : [number, ...above];
  const entries = await readEntries(sources);
  const uses = await Promise.all(
    entries.map(async (entry) => {
      const named = isNodeBind(entry) && entry.root.replace(/\/\/deleted$/, '') === device.replace(/^\/dev/, '');
      return named || (numbers.length > 0 && numbers.includes(await deviceBehind(entry, sources)));
    }),
  );
  return entries.filter((_, index) => uses[index]).map((entry) => entry.target);
}

/** The lines of the table. Throws `unavailable`. */
export async function readEntries(sources: TableSources = kernelSources): Promise<MountinfoEntry[]> {
  try {
    return parseMountinfo(await sources.mountinfo());
  } catch (cause) {
    throw new Failure('unavailable', 'the mounts of this node could not be read', { cause });
  }
}

function toMount(entry: MountinfoEntry, device: string): Mount {
  return {
    target: entry.target,
    device,
    access: isNodeBind(entry) && device !== entry.device ? 'block' : 'mount',
    filesystem: entry.filesystem,
    readOnly: entry.options.includes('ro'),
  };
}

/** Examines only mounts that may be volumes, because touching a mount of a dead network filesystem could hang. */
export async function deviceBehind(entry: MountinfoEntry, sources: TableSources = kernelSources): Promise<string> {
  // The name in the table is no proof: with udev a node is /dm-3, without it /mapper/group-volume, and minors are reused.
  if (isNodeBind(entry)) return (await sources.deviceNumberOf(entry.target)) ?? entry.device;
  // btrfs has an anonymous device number; its source is the device that was mounted.
  if (entry.filesystem === 'btrfs' && entry.source.startsWith('/')) {
    return (await sources.deviceNumberOf(entry.source)) ?? entry.device;
  }
  return entry.device;
}

/** Whether this is a bind mount from /dev, which is a devtmpfs, or in some containers a tmpfs. */
function isNodeBind(entry: MountinfoEntry): boolean {
  return entry.root !== '/' && (entry.filesystem === 'devtmpfs' || entry.filesystem === 'tmpfs');
}
