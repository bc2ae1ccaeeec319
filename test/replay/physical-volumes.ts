import { run } from './run.ts';

/** The disk of the base's group that nothing lies on. */
export async function emptyDisk(): Promise<string> {
  const disks = await physicalVolumes('pv_name,vg_name,pv_used');
  return disks.find(([, group, used]) => group === 'qmain' && used === '0')?.[0] ?? '';
}

/** The disk of the first extents of a logical volume of the base's group, which may be hidden. */
async function diskOf(lv: string): Promise<string> {
  const report = await run('lvs', '-qq', '-a', '--noheadings', '-o', 'devices', `qmain/${lv}`);
  return report.trim().split('(')[0] ?? '';
}

/** Moves what the volume has on the disk of its first part to another disk, unless one of the parts is there already. */
export async function moveTo(disk: string, volume: string, parts: readonly string[] = [volume]): Promise<void> {
  const disks = await Promise.all(parts.map(diskOf));
  if (!disks.includes(disk)) await run('pvmove', '-qq', '-i', '1', '-n', volume, disks[0] ?? '', disk);
}

/** These fields of each physical volume; sizes in bytes. */
export async function physicalVolumes(fields: string): Promise<string[][]> {
  const units = ['--nosuffix', '--units', 'b', '--separator', '|'];
  const report = await run('pvs', '-qq', '--noheadings', ...units, '-o', fields);
  return report
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split('|'));
}
