import { Failure } from '../domain/errors.ts';
import type { Mounts } from '../domain/mounts.ts';
import type { FilesystemType } from '../domain/volume.ts';
import type { Run } from '../exec/run.ts';
import { deviceNumberOf } from '../kernel/block-device.ts';
import { holdersOf } from './holders.ts';
import { makeDirectory, makeFile, removeMountPoint, resolvePath } from './paths.ts';
import { readMounts } from './table.ts';
import { must } from './tool.ts';

// The mount replays the journal, which takes long on a slow disk.
const mountDeadline = 110_000;
const bindDeadline = 20_000;
// The unmount writes back dirty pages.
const unmountDeadline = 110_000;

/** Mounts in this process's mount namespace, by mount(8) and umount(8). Throws `unavailable` with the program's message. */
export function createMounter(run: Run): Mounts {
  return {
    read: () => readMounts(),
    deviceNumber,
    resolve: resolvePath,
    makeDirectory,
    makeFile,
    removeMountPoint,
    mount: (device, target, filesystem, flags) => mount(run, device, target, filesystem, flags),
    bind: (source, target, flags) => bind(run, source, target, flags),
    unmount: (target) => unmount(run, target),
  };
}

async function deviceNumber(device: string): Promise<string> {
  const number = await deviceNumberOf(device);
  if (number === undefined) throw new Failure('unavailable', `${device} is not a block device`);
  return number;
}

async function mount(
  run: Run,
  device: string,
  target: string,
  filesystem: FilesystemType,
  flags: readonly string[],
): Promise<void> {
  // A copy of an xfs volume has the UUID of its origin, and xfs refuses to mount a UUID twice.
  const options = filesystem === 'xfs' ? ['nouuid', ...flags] : flags;
  await must(
    run,
    ['mount', '-t', filesystem, ...joined(options), '--', device, target],
    mountDeadline,
    `${device} could not be mounted on ${target}`,
  );
}

async function bind(run: Run, source: string, target: string, flags: readonly string[]): Promise<void> {
  await must(
    run,
    ['mount', '--bind', ...joined(flags), '--', source, target],
    bindDeadline,
    `${source} could not be bound to ${target}`,
  );
}

function joined(flags: readonly string[]): string[] {
  const given = flags.filter((flag) => flag !== '');
  return given.length === 0 ? [] : ['-o', given.join(',')];
}

async function unmount(run: Run, target: string): Promise<void> {
  const before = await layers(target);
  if (before === 0) return;
  const result = await run(['umount', '--', target], { deadline: unmountDeadline });
  if (result.exitCode === 0) return;
  // Another program may have unmounted it meanwhile.
  if ((await layers(target)) < before) return;
  const holders = await holdersOf(target);
  const by = holders.length === 0 ? '' : `; held by ${holders.join(', ')}`;
  throw new Failure('unavailable', `${target} could not be unmounted: ${result.stderr.trim()}${by}`);
}

async function layers(target: string): Promise<number> {
  return (await readMounts()).filter((mounted) => mounted.target === target).length;
}
