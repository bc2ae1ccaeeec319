import { readdir, readFile } from 'node:fs/promises';
import { Failure, messageOf } from '../domain/errors.ts';
import { ignoreGone } from './gone.ts';

/** The names of the device-mapper devices that are suspended. sysfs answers in less time than the start of dmsetup takes. Throws `unavailable`. */
export async function suspendedDevices(sys = '/sys'): Promise<string[]> {
  try {
    const devices = (await readdir(`${sys}/block`)).filter((name) => name.startsWith('dm-'));
    const names = await Promise.all(devices.map((device) => nameIfSuspended(`${sys}/block/${device}/dm`)));
    return names.filter((name) => name !== undefined);
  } catch (cause) {
    throw new Failure('unavailable', `the suspended devices could not be read: ${messageOf(cause)}`, { cause });
  }
}

/** `undefined` also for a device that vanished meanwhile. */
async function nameIfSuspended(folder: string): Promise<string | undefined> {
  const suspended = await readFile(`${folder}/suspended`, 'utf8').catch(ignoreGone);
  if (suspended?.trim() !== '1') return undefined;
  return (await readFile(`${folder}/name`, 'utf8').catch(ignoreGone))?.trim();
}
