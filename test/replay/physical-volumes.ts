import { run } from './run.ts';

/** The disk of the base's group that nothing lies on. */
export async function emptyDisk(): Promise<string> {
  const disks = await physicalVolumes('pv_name,vg_name,pv_used');
  return disks.find(([, group, used]) => group === 'qmain' && used === '0')?.[0] ?? '';
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
