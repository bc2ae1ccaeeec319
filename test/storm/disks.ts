import type { Guest } from '../../lab/guest.ts';
import type { Driver } from '../support/driver.ts';

export const group = 'qstorm';

/** A guest with these disks, and the driver that takes them. */
interface Machine {
  readonly guest: Guest;
  readonly driver: Driver;
}

const letters = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
/** The thin pool fills the first two; two stripes in two copies need four others. */
export const stormDisks: readonly string[] = letters.map(() => '3G');
/** The disks that may be added: hot-plugged, and not under a layer. */
const spare = ['ubdg', 'ubdh', 'ubdi', 'ubdj'];

/** They are the first devices of device-mapper. */
const layers = letters.map((_, index) => `/dev/dm-${index}`);
/** The rule for the pool. */
export const diskPaths = layers.concat('/dev/ubd[g-j]');

const layerOf = (choice: number): string => `disk-${letters[choice % letters.length]}`;

/** LVM sees a disk under a layer through it alone. */
export async function hideDisks(guest: Guest): Promise<void> {
  await guest.shell(`echo 'devices { global_filter = ["r|/dev/ubd[a-f]|"] }' >>/etc/lvm/lvmlocal.conf; sync`);
}

/** Lays a device of device-mapper over each disk, so that it can be stuck. A boot has removed them. */
export async function layDisks(guest: Guest): Promise<void> {
  await guest.shell(`for disk in ${letters.join(' ')}; do
      echo "0 $(blockdev --getsz /dev/ubd$disk) linear /dev/ubd$disk 0" | dmsetup create disk-$disk
    done`);
}

/** Every read and write of the disk waits until it is resumed. */
export async function suspendDisk({ guest }: Machine, choice: number): Promise<void> {
  await guest.shell(`dmsetup suspend --noflush --nolockfs ${layerOf(choice)}`);
}

export async function resumeDisk({ guest }: Machine, choice: number): Promise<void> {
  await guest.shell(`dmsetup resume ${layerOf(choice)}`);
}

/** Plugs a blank disk in, which the pool's rule matches; does nothing after the last. */
export async function addDisk({ guest, driver }: Machine): Promise<void> {
  if (guest.disks.length === stormDisks.length + spare.length) return;
  await guest.addDisk('1G');
  driver.process().kill('SIGHUP');
}

/** The disks that must be physical volumes of the group. */
export function expectedDisks({ guest }: Machine): string[] {
  return [...layers, ...guest.disks.slice(stormDisks.length)];
}

/** Takes all free bytes of the group, as a person or another program may. */
export async function fillGroup({ guest }: Machine): Promise<void> {
  await guest.shell(`lvcreate -qq -y -an -Zn -Wn -l 100%FREE -n filler --addtag somebody ${group}`);
}

export async function emptyGroup({ guest }: Machine): Promise<void> {
  await guest.shell(`lvremove -qq -y ${group}/filler`);
}
