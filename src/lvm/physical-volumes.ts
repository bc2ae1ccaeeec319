import { join } from 'node:path';
import { Failure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import { type CommandOptions, runCommand } from './commands.ts';
import { lvmFailure } from './failures.ts';
import type { LvmArguments } from './lvm.ts';
import { devicesSection, linkDevices, linkName } from './system.ts';

export interface PhysicalVolume {
  readonly device: string;
  readonly uuid: string;
  readonly group: VgName | undefined;
}

const fields: LvmArguments = ['pvs', '-o', 'pv_name,pv_uuid,vg_name'];

/**
 * The physical volumes that the host's own configuration lets LVM see, and those among `candidates`, which a devices file or
 * filter of the host may hide. `links` is a directory for looking at the hidden alone. Throws `unavailable` unless LVM
 * answered all that it was asked.
 */
export async function listPhysicalVolumes(
  options: CommandOptions,
  links: string,
  candidates: readonly string[],
): Promise<PhysicalVolume[]> {
  const found = new Map((await list(options, fields)).map((volume) => [volume.device, volume]));
  const hidden = candidates.filter((device) => !found.has(device));
  if (hidden.length === 0) return [...found.values()];
  await linkDevices(links, hidden);
  const names = new Map(hidden.map((device) => [join(links, linkName(device)), device]));
  for (const volume of await list(options, [...fields, '--config', devicesSection(links)])) {
    const device = names.get(volume.device);
    if (device !== undefined) found.set(device, { ...volume, device });
  }
  return [...found.values()];
}

async function list(options: CommandOptions, argv: LvmArguments): Promise<PhysicalVolume[]> {
  const answer = await runCommand(options, argv);
  if (!answer.ok) throw new Failure('unavailable', lvmFailure('pvs failed', answer.messages).message);
  return answer.rows.flatMap((row) => {
    const device = row['pv_name'] ?? '';
    const group = (row['vg_name'] || undefined) as VgName | undefined;
    // LVM calls a missing device "[unknown]".
    return device.startsWith('/') ? [{ device, uuid: row['pv_uuid'] ?? '', group }] : [];
  });
}
