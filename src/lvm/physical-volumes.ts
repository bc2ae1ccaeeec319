import { Failure } from '../domain/errors.ts';
import type { VgName } from '../domain/ids.ts';
import { type CommandOptions, runCommand } from './commands.ts';
import { lvmFailure } from './failures.ts';
import { deviceFilter } from './system.ts';

export interface PhysicalVolume {
  readonly device: string;
  readonly uuid: string;
  readonly group: VgName | undefined;
}

/**
 * The physical volumes that the host's own configuration lets LVM see, and those among `candidates`, which a devices file or
 * filter of the host may hide. Throws `unavailable` unless LVM answered both.
 */
export async function listPhysicalVolumes(
  options: CommandOptions,
  candidates: readonly string[],
): Promise<PhysicalVolume[]> {
  const fields = ['pvs', '-o', 'pv_name,pv_uuid,vg_name'] as const;
  const narrowed = `devices{use_devicesfile=0 filter=${deviceFilter(candidates)} global_filter=["a|.*|"]}`;
  const found = new Map<string, PhysicalVolume>();
  for (const argv of [[...fields] as const, [...fields, '--config', narrowed] as const]) {
    const answer = await runCommand(options, argv);
    if (!answer.ok) throw new Failure('unavailable', lvmFailure('pvs failed', answer.messages).message);
    for (const row of answer.rows) {
      const device = row['pv_name'] ?? '';
      if (!device.startsWith('/dev/')) continue;
      const group = (row['vg_name'] || undefined) as VgName | undefined;
      found.set(device, { device, uuid: row['pv_uuid'] ?? '', group });
    }
  }
  return [...found.values()];
}
