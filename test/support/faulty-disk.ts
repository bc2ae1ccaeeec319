import type { Guest } from '../../lab/guest.ts';

/** A part of a disk, in sectors of 512 bytes. */
export interface Extent {
  readonly start: number;
  readonly length: number;
}

/** Returns a target of device-mapper with its arguments, for a part of a disk that begins at this sector of the disk below. */
export type Fault = (disk: string, start: number) => string;

const healthy: Fault = (disk, start) => `linear ${disk} ${start}`;
const always = (feature: string): Fault => {
  return (disk, start) => `flakey ${disk} ${start} 0 86400 1 ${feature}`;
};

export const faults = {
  /** Every request fails. */
  broken: () => 'error',
  /** Writes fail. */
  refusingWrites: always('error_writes'),
  /** Writes succeed and are lost. */
  losingWrites: always('drop_writes'),
  /** Each request takes 30 ms. */
  slow: (disk, start) => `delay ${disk} ${start} 30`,
  /** Reads of bad sectors fail; a write mends a sector, as on a disk that has spare ones. */
  badSectors: (disk, start) => `dust ${disk} ${start} 512`,
} as const satisfies Record<string, Fault>;

/** Sectors below a faulty disk that it leaves free, so that LVM finds its label only on it. */
const offset = 2048;

/** Bytes 4096 to 4 MiB of a disk that `createGroup` made: LVM's metadata area. */
export const metadataArea: Extent = { start: 8, length: 8192 - 8 };

/** A device of device-mapper on a disk of a guest; parts of it can be made faulty. */
export interface FaultyDisk {
  /** Where a linear logical volume, or part of a thin pool, is on it. `device`: its name below /dev/mapper. */
  extentOf(device: string): Promise<Extent>;
  /** Replaces the faults of the disk; without arguments it is healthy. */
  set(fault?: Fault, ...parts: readonly Extent[]): Promise<void>;
  /** Makes so many sectors of a part that has `badSectors` bad: from its first on, each so many sectors after the one before. */
  spoil(part: Extent, sectors: number, apart?: number): Promise<void>;
  /** From now on no request is answered, until `resume`. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
}

/** Makes a volume group of that name on `disk`, with a device in between that can be made faulty. */
export async function createGroup(guest: Guest, group: string, disk: string): Promise<FaultyDisk> {
  const name = `disk-${group}`;
  const path = `/dev/mapper/${name}`;
  const size = Number(await guest.shell(`blockdev --getsz ${disk}`)) - offset;

  function table(fault: Fault, parts: readonly Extent[]): string {
    const lines: string[] = [];
    let at = 0;
    const add = (end: number, target: Fault): void => {
      if (end > at) lines.push(`${at} ${end - at} ${target(disk, at + offset)}\n`);
      at = end;
    };
    for (const { start, length } of parts.toSorted((a, b) => a.start - b.start)) {
      add(start, healthy);
      add(start + length, fault);
    }
    add(size, healthy);
    return lines.join('');
  }
  const suspend = `dmsetup suspend --noflush --nolockfs ${name}`;
  const resume = `dmsetup resume ${name}`;
  await guest.shell(`DM_DISABLE_UDEV=1 dmsetup create ${name}`, { input: table(healthy, []) });
  await guest.shell(`pvcreate -qq --metadatasize 4092k ${path}; vgcreate -qq ${group} ${path}`);
  return {
    async extentOf(device) {
      const [, length, , , start] = (await guest.shell(`dmsetup table ${device}`)).trim().split(/\s+/);
      return { start: Number(start), length: Number(length) };
    },
    async set(fault = healthy, ...parts) {
      await guest.shell(`${suspend}; dmsetup load ${name}; ${resume}`, { input: table(fault, parts) });
    },
    async spoil({ start }, sectors, apart = 1) {
      const bad = Array.from({ length: sectors }, (_, index) => `addbadblock ${offset + start + index * apart}`);
      const messages = [...bad, 'enable'].map((message) => `dmsetup message ${name} ${start} ${message}`);
      await guest.shell(messages.join('\n'));
    },
    suspend: async () => void (await guest.shell(suspend)),
    resume: async () => void (await guest.shell(resume)),
  };
}
