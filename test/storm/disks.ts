import type { Guest } from '../../lab/guest.ts';
import type { Driver } from '../support/driver.ts';

export const group = 'qstorm';
/** Of the pool whose thin pool has two copies. */
export const mirrorGroup = 'qmirror';

/** A guest with these disks, and the driver that takes them. */
interface Machine {
  readonly guest: Guest;
  readonly driver: Driver;
}

/** In the first group the thin pool fills the first two; two stripes in two copies need four others. */
const disksOf = { [group]: ['a', 'b', 'c', 'd', 'e', 'f'], [mirrorGroup]: ['g', 'h'] } as const;
const letters = Object.values(disksOf).flat();
export const stormDisks: readonly string[] = letters.map((letter) => (letter < 'g' ? '3G' : '1G'));
/** The disks that may be added: hot-plugged, and not under a layer. Of each group every second one. */
const spare = { [group]: ['i', 'k'], [mirrorGroup]: ['j', 'l'] } as const;
const spareCount = Object.values(spare).flat().length;

/** The paths of a pool's rule. The layers are the first devices of device-mapper. */
export function pathsFor(name: keyof typeof disksOf): string {
  const layers = disksOf[name].map((letter) => `/dev/dm-${letters.indexOf(letter)}`);
  return JSON.stringify([...layers, `/dev/ubd[${spare[name].join('')}]`]);
}

/** LVM sees a disk under a layer through it alone. */
export async function hideDisks(guest: Guest): Promise<void> {
  await guest.shell(`echo 'devices { global_filter = ["r|/dev/ubd[a-h]|"] }' >>/etc/lvm/lvmlocal.conf; sync`);
}

/** Lays a device of device-mapper over each disk, so that it can be stuck or pulled. A boot has removed them. */
export async function layDisks(guest: Guest): Promise<void> {
  await guest.shell(`for disk in ${letters.join(' ')}; do
      echo "0 $(blockdev --getsz /dev/ubd$disk) linear /dev/ubd$disk 0" | dmsetup create disk-$disk
    done`);
}

/** Every read and write of the disk waits until it is resumed. */
export async function suspendDisk({ guest }: Machine, choice: number): Promise<void> {
  await guest.shell(`dmsetup suspend --noflush --nolockfs ${anyOf(letters, choice)}`);
}

export async function resumeDisk({ guest }: Machine, choice: number): Promise<void> {
  await guest.shell(`dmsetup resume ${anyOf(letters, choice)}`);
}

/** Every read and write of one of the two mirrored disks fails, as of a disk that was pulled out. The copies on the other are complete. */
export async function pullDisk({ guest }: Machine, choice: number): Promise<void> {
  const disk = anyOf(disksOf[mirrorGroup], choice);
  await guest.shell(`until ${complete}; do sleep 0.1; done`);
  await guest.shell(replaceLayer(disk, `0 $(blockdev --getsz ${disk.replace('disk-', '/dev/ubd')}) error`));
}

/** Puts the disk back, as it was, and waits until the driver has made the mirrors complete. */
export async function returnDisk({ guest, driver }: Machine, choice: number): Promise<void> {
  const disk = anyOf(disksOf[mirrorGroup], choice);
  const device = disk.replace('disk-', '/dev/ubd');
  await guest.shell(replaceLayer(disk, `0 $(blockdev --getsz ${device}) linear ${device} 0`));
  driver.process().kill('SIGHUP');
  await guest.shell(`for attempt in $(seq 600); do
      if ${complete} && [ $(vgs --noheadings -o vg_missing_pv_count ${mirrorGroup}) = 0 ]; then exit; fi
      sleep 0.1
    done
    echo "the mirrors are not complete:"; vgs ${mirrorGroup}; dmsetup status --target raid; exit 1`);
}

/** Succeeds if the kernel uses all copies of the thin pool, and changes none of them. */
const complete = `[ $(dmsetup status --target raid | grep '^${mirrorGroup}-' | grep -cE ' raid1 2 AA .* idle ') = 2 ]`;

function anyOf(names: readonly string[], choice: number): string {
  return `disk-${names[choice % names.length]}`;
}

function replaceLayer(disk: string, table: string): string {
  return `dmsetup reload ${disk} --table "${table}"
    dmsetup suspend --noflush --nolockfs ${disk}
    dmsetup resume ${disk}`;
}

/** Plugs a blank disk in, which the rule of a pool matches. One pool takes it at once, the other after an approval. */
export async function addDisk(machine: Machine): Promise<void> {
  const { guest, driver } = machine;
  if (guest.disks.length === letters.length + spareCount) return;
  const device = await guest.addDisk('1G');
  if (spare[mirrorGroup].some((letter) => device.endsWith(letter))) await approve(machine, device);
  else driver.process().kill('SIGHUP');
}

/** As an administrator: again until it is done. */
export async function approve({ driver }: Machine, ...devices: string[]): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { exitCode, stdout, stderr } = await driver.quarry('disks', 'approve', ...devices);
    if (exitCode === 0) return;
    if (attempt === 20) throw new Error(`${devices.join(', ')} could not be approved: ${stdout}${stderr}`);
  }
}

/** The disks that must be physical volumes of the groups. */
export function expectedDisks({ guest }: Machine): string[] {
  return [...letters.map((_, index) => `/dev/dm-${index}`), ...guest.disks.slice(letters.length)];
}

/** Takes all free bytes of the group, as a person or another program may. */
export async function fillGroup({ guest }: Machine): Promise<void> {
  await guest.shell(`lvcreate -qq -y -an -Zn -Wn -l 100%FREE -n filler --addtag somebody ${group}`);
}

export async function emptyGroup({ guest }: Machine): Promise<void> {
  await guest.shell(`lvremove -qq -y ${group}/filler`);
}

const ballast = 'ballast';
const writing = 'writing';
/** On a busy machine the writes of so much take longer than a command usually may. */
const filling = { timeout: 240_000 };

/**
 * A pod of somebody else fills the mirrored thin pool: from now on, writes that need a new block wait. After a minute the kernel would fail
 * them.
 */
export async function fillThinPool({ guest }: Machine): Promise<void> {
  const status = `dmsetup status ${mirrorGroup}-thinpool-tpool`;
  const make = (lv: string, size: string): string =>
    `lvcreate -qq -y -V ${size} -T ${mirrorGroup}/thinpool -n ${lv} --addtag somebody`;
  const fill = 'dd if=/dev/zero bs=1M oflag=direct status=none';
  await guest.shell(
    `${make(ballast, '128m')}
    ${make(writing, '1g')}
    ${fill} of=/dev/${mirrorGroup}/${ballast} count=128
    free=$(${status} | awk '{ split($6, blocks, "/"); print int((blocks[2] - blocks[1]) / 16) }')
    setsid ${fill} of=/dev/${mirrorGroup}/${writing} count=$((free + 4)) >/dev/null 2>&1 </dev/null &
    until ${status} | grep -q out_of_data_space; do sleep 0.1; done`,
    filling,
  );
}

/** Makes room, so that the writer comes to its end, and removes all that it wrote. Also after a boot, and where nothing is left. */
export async function emptyThinPool({ guest }: Machine): Promise<void> {
  await guest.shell(
    `for lv in ${ballast} ${writing}; do
      if lvs ${mirrorGroup}/$lv >/dev/null 2>&1; then
        while [ "$(dmsetup info -c --noheadings -o open ${mirrorGroup}-$lv 2>/dev/null)" = 1 ]; do sleep 0.1; done
        lvremove -qq -y ${mirrorGroup}/$lv
      fi
    done`,
    filling,
  );
}
