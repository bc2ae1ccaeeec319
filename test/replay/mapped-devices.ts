import { readdirSync, readFileSync } from 'node:fs';

export interface MappedDevice {
  readonly name: string;
  readonly suspended: boolean;
}

/** All devices of device-mapper, from sysfs: without a program, and without waiting for one. */
export function mappedDevices(): MappedDevice[] {
  const found = readdirSync('/sys/block').filter((device) => device.startsWith('dm-'));
  const read = (device: string, field: string): string =>
    readFileSync(`/sys/block/${device}/dm/${field}`, 'utf8').trim();
  return found.map((device) => ({ name: read(device, 'name'), suspended: read(device, 'suspended') === '1' }));
}
