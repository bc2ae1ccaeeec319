import { join } from 'node:path';
import { Failure, isFailure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import { type CommandOptions, runCommand } from './process/commands.ts';
import { lvmFailure } from './failures.ts';
import type { LvmArguments } from './process/lvm.ts';
import { devicesSection, linkDevices, linkName } from './process/system.ts';

/** A row of `pvs`: a device with an LVM label. */
export interface PhysicalVolume {
  readonly device: string;
  readonly uuid: string;
  readonly group: VgName | undefined;
  /** Empty, like the tags, if the device is in no group. */
  readonly groupUuid: string;
  /** LVM's comma-separated list. */
  readonly groupTags: string;
  /** LVM's count of the changes of the group; 0 without one. */
  readonly groupSequence: number;
  /** The label says that a group uses the device, but LVM finds no such group. */
  readonly claimed: boolean;
}

const fields: LvmArguments = ['pvs', '-o', 'pv_name,pv_uuid,vg_name,vg_uuid,vg_tags,vg_seqno'];

/** LVM's report on devices. Unknown is not absent: a device in `problems` may be a physical volume. */
export interface PhysicalVolumeReport {
  readonly volumes: readonly PhysicalVolume[];
  /** Why LVM could not report on a device. */
  readonly problems: ReadonlyMap<string, string>;
  /** Why LVM did not list the devices of the host's configuration; groups on disks that no rule matches may be missing then. */
  readonly hostProblem?: string | undefined;
}

/**
 * The physical volumes that LVM sees with the host's configuration, and those among `candidates`, which the host's devices file or filter
 * may hide. `links` is a directory for links to the hidden ones. If LVM fails on them together, it is run for each of them, so that a
 * device that hangs hides no other. While devices are `stuck`, LVM looks at none of them, nor at others that no pool has. Throws `unavailable` if LVM
 * reports on no device at all.
 */
export async function listPhysicalVolumes(
  options: CommandOptions,
  links: string,
  candidates: readonly string[],
  stuck: ReadonlyMap<string, string> = new Map(),
): Promise<PhysicalVolumeReport> {
  const found = new Map<string, PhysicalVolume>();
  const problems = new Map(stuck);
  const [notAsked] = stuck.values();
  const hostProblem =
    notAsked ??
    (await attempt(async () => {
      for (const volume of await list(options, fields)) found.set(volume.device, volume);
    }));
  const hidden = candidates.filter((device) => !found.has(device) && !stuck.has(device));
  const together = hidden.length > 0 && (await attempt(() => look(options, links, hidden, found)));
  if (typeof together === 'string') {
    for (const [index, device] of hidden.entries()) {
      const problem = await attempt(() => look(options, `${links}-${index}`, [device], found));
      if (problem !== undefined) problems.set(device, problem);
    }
  }
  const nothing = hostProblem !== undefined && stuck.size === 0 && problems.size === hidden.length;
  if (nothing) throw new Failure('unavailable', hostProblem);
  return { volumes: [...found.values()], problems, hostProblem };
}

/** Adds to `found` the physical volumes among these devices. LVM sees no other device meanwhile. */
async function look(
  options: CommandOptions,
  links: string,
  devices: readonly string[],
  found: Map<string, PhysicalVolume>,
): Promise<void> {
  await linkDevices(links, devices);
  const names = new Map(devices.map((device) => [join(links, linkName(device)), device]));
  for (const volume of await list(options, [...fields, '--config', devicesSection(links)])) {
    const device = names.get(volume.device);
    if (device !== undefined) found.set(device, { ...volume, device });
  }
}

/** The message of an `unavailable` failure; `undefined`: none. */
async function attempt(task: () => Promise<void>): Promise<string | undefined> {
  try {
    await task();
    return undefined;
  } catch (error) {
    if (isFailure(error, 'unavailable')) return error.message;
    throw error;
  }
}

async function list(options: CommandOptions, argv: LvmArguments): Promise<PhysicalVolume[]> {
  const answer = await runCommand(options, argv);
  if (!answer.ok) throw new Failure('unavailable', lvmFailure('pvs failed', answer.messages).message);
  return answer.rows.flatMap((row) => {
    const device = row['pv_name'] ?? '';
    // LVM prints "[unknown]" for a missing device, and for the group of a device whose label names a group that LVM does not find.
    const claimed = row['vg_name'] === '[unknown]';
    const group = claimed ? undefined : ((row['vg_name'] || undefined) as VgName | undefined);
    const [groupUuid, groupTags] = claimed ? ['', ''] : [row['vg_uuid'] ?? '', row['vg_tags'] ?? ''];
    if (!device.startsWith('/')) return [];
    const groupSequence = group === undefined ? 0 : Number(row['vg_seqno'] ?? 0);
    return [{ device, uuid: row['pv_uuid'] ?? '', group, groupUuid, groupTags, groupSequence, claimed }];
  });
}
