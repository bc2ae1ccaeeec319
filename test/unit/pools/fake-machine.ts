import { createPatience } from '../../../src/concurrency/patience.ts';
import { mkdir, mkdtemp, open, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { DiskProbe } from '../../../src/pools/blank.ts';
import { type Disk, discover } from '../../../src/pools/discover.ts';
import type { Roots } from '../../../src/pools/sysfs.ts';
import { parsePoolName, parseVgName } from '../../../src/domain/ids.ts';
import type { DiskRule, PoolSpec } from '../../../src/domain/pool.ts';
import { createRun, type Run } from '../../../src/exec/run.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';

/** Bytes of a disk whose size does not matter. */
export const diskSize = 8 * 1024 * 1024;

/** An id that Quarry gives a disk. */
export const diskUuid = 'quarry-AbCd-EfGh-IjKl-MnOp-QrSt-UvWxYz';

export interface FakeDisk {
  /** Bytes, and the size of the file for the device. */
  readonly size?: number;
  readonly rotational?: boolean;
  readonly readOnly?: boolean;
  readonly partitions?: readonly string[];
  readonly holders?: readonly string[];
  readonly wwid?: string;
  /** Names under /dev that lead to it. */
  readonly links?: readonly string[];
}

/** A machine of plain files: sysfs and procfs as the kernel writes them, and a sparse file for each device. */
export class FakeMachine implements AsyncDisposable {
  readonly roots: Roots;
  readonly #root: string;
  #minor = 0;

  private constructor(root: string) {
    this.#root = root;
    this.roots = { sys: join(root, 'sys'), proc: join(root, 'proc'), dev: join(root, 'dev') };
  }

  static async create(): Promise<FakeMachine> {
    const machine = new FakeMachine(await mkdtemp(join(tmpdir(), 'quarry-disks-')));
    for (const directory of ['sys/class/block', 'sys/devices', 'dev', 'proc/self', 'proc/1']) {
      await mkdir(join(machine.#root, directory), { recursive: true });
    }
    await machine.mounts('22 27 0:21 / /proc rw,relatime - proc proc rw\n');
    await machine.swaps('');
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#root, { recursive: true });
  }

  device(name: string): string {
    return join(this.roots.dev, name);
  }

  /** The device's directory in sysfs. */
  sysfs(name: string): string {
    return join(this.roots.sys, 'devices', name);
  }

  async mounts(text: string, process = 'self'): Promise<void> {
    await writeFile(join(this.roots.proc, process, 'mountinfo'), text);
    if (process === 'self') await writeFile(join(this.roots.proc, '1/mountinfo'), text);
  }

  async swaps(lines: string): Promise<void> {
    await writeFile(join(this.roots.proc, 'swaps'), `Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n${lines}`);
  }

  /** Adds `/dev/sda`, and finds it as a pool's rule would. */
  async addDisk(facts: FakeDisk = {}): Promise<Disk> {
    await this.add('sda', facts);
    const [disk] = (await discover({ paths: ['/dev/sda'] }, this.roots)).disks;
    if (!disk) throw new Error('the disk was not found');
    return disk;
  }

  /** Its number is `8:0` for the first one, `8:1` for the next. */
  async add(name: string, disk: FakeDisk = {}): Promise<string> {
    const size = disk.size ?? diskSize;
    const directory = await this.#addToSysfs(name, size, disk);
    await mkdir(join(directory, 'queue'));
    await writeFile(join(directory, 'queue/rotational'), disk.rotational ? '1\n' : '0\n');
    await writeFile(join(directory, 'diskseq'), '7\n');
    if (disk.wwid !== undefined) await writeFile(join(directory, 'wwid'), `${disk.wwid}\n`);
    for (const partition of disk.partitions ?? []) {
      const inner = await this.#addToSysfs(partition, size / 2, {}, directory);
      await writeFile(join(inner, 'partition'), '1\n');
    }
    for (const link of disk.links ?? []) {
      const path = this.device(link);
      await mkdir(dirname(path), { recursive: true });
      await symlink(relative(dirname(path), this.device(name)), path);
    }
    return this.device(name);
  }

  async #addToSysfs(name: string, size: number, disk: FakeDisk, parent = join(this.roots.sys, 'devices')) {
    const directory = join(parent, name);
    await mkdir(join(directory, 'holders'), { recursive: true });
    await writeFile(join(directory, 'dev'), `8:${this.#minor++}\n`);
    await writeFile(join(directory, 'size'), `${size / 512}\n`);
    await writeFile(join(directory, 'ro'), disk.readOnly ? '1\n' : '0\n');
    for (const holder of disk.holders ?? []) await writeFile(join(directory, 'holders', holder), '');
    await symlink(directory, join(this.roots.sys, 'class/block', name));
    const device = this.device(name.replaceAll('!', '/'));
    await mkdir(dirname(device), { recursive: true });
    await writeFile(device, '');
    await truncate(device, size);
    return directory;
  }

  async write(name: string, at: number, data: string | Uint8Array): Promise<void> {
    const file = await open(this.device(name), 'r+');
    await file.write(Buffer.from(data), 0, undefined, at);
    await file.close();
  }
}

/** blkid and wipefs of this machine, which read the files. */
export function probeOf(machine: FakeMachine, run: Run = createRun(createSurvivors(() => undefined))): DiskProbe {
  return { roots: machine.roots, run, deadline: 10_000, patience: createPatience() };
}

const crcStart = 0xf597a6cf;

/** The sector that `pvcreate` writes at byte 512: label header and the beginning of the PV header (LVM2's on-disk format). */
export function pvLabel(uuid: string): Buffer {
  const sector = Buffer.alloc(512);
  sector.write('LABELONE', 0);
  sector.writeBigUInt64LE(1n, 8);
  sector.writeUInt32LE(32, 20);
  sector.write('LVM2 001', 24);
  sector.write(uuid.replaceAll('-', ''), 32);
  let crc = crcStart;
  for (const byte of sector.subarray(20)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  sector.writeUInt32LE(crc >>> 0, 16);
  return sector;
}

/** The header of a metadata area at byte 4096 after `pvcreate` or `vgreduce`: `text`, the start of the metadata, is 0. `prepared` is that of the next one, during a commit. */
export function metadataHeader(text = 0n, prepared = 0n): Buffer {
  const sector = Buffer.alloc(512);
  sector.writeUInt32LE(0x12345678, 0);
  sector.write(' LVM2 x[5A%r0N*>', 4);
  sector.writeUInt32LE(1, 20);
  sector.writeBigUInt64LE(4096n, 24);
  sector.writeBigUInt64LE(1_044_480n, 32);
  sector.writeBigUInt64LE(text, 40);
  sector.writeBigUInt64LE(prepared, 64);
  return sector;
}

/** Bytes of the first metadata that LVM writes to a disk. */
export const firstText = 4096 + 512;

/** The beginning of a group's metadata, in LVM's format. */
export function metadataText(
  { group, uuid, sequence }: { readonly group: string; readonly uuid: string; readonly sequence: number },
  tags: readonly string[],
  device: string,
): string {
  const list = tags.map((tag) => `"${tag}"`).join(', ');
  return `${group} {\nid = "${uuid}"\nseqno = ${sequence}\nformat = "lvm2"\ntags = [${list}]\nphysical_volumes {\n\npv0 {\nid = "${device}"\n`;
}

export function poolOf(name: string, disks: DiskRule | undefined): PoolSpec {
  const [pool, group] = [parsePoolName(name), parseVgName(`vg-${name}`)];
  if (pool === undefined || group === undefined) throw new Error(`${name} is no name of a pool`);
  const rest = { type: 'thick', approve: 'manual', stripes: 1, stripeSize: 65_536n, mirrors: 0, reserve: 0n } as const;
  return { name: pool, group, disks, ...rest };
}
