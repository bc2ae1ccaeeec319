import { readdirSync, readFileSync } from 'node:fs';

export interface MappedDevice {
  readonly name: string;
  readonly suspended: boolean;
}

/** All devices of device-mapper, from sysfs: without a program, and without waiting for one. */
export function mappedDevices(): MappedDevice[] {
  const devices = readdirSync('/sys/block').filter((device) => device.startsWith('dm-'));
  return devices.flatMap((device) => deviceIn(`/sys/block/${device}/dm`));
}

/** None if it is gone by now: the kernel reads no attribute of a device that it is removing (EINVAL). */
function deviceIn(folder: string): MappedDevice[] {
  const read = (attribute: string): string => readFileSync(`${folder}/${attribute}`, 'utf8').trim();
  try {
    return [{ name: read('name'), suspended: read('suspended') === '1' }];
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
