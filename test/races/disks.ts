import { MiB } from '../../src/domain/bytes.ts';
import type { LvName, VgName } from '../../src/domain/ids.ts';
import { devicePath } from '../../src/lvm/names.ts';
import type { LvmArguments } from '../../src/lvm/process/lvm.ts';
import type { FakeLvm } from '../unit/lvm/fake-lvm.ts';

/** LVM has recorded that one that is `back` was missing, and does not use it. One that is `gone` has left the group. */
type State = 'here' | 'pulled' | 'back' | 'gone';

const paths = ['/dev/sda', '/dev/sdb', '/dev/sdc'];
/** Of the disk that may be pulled. */
const pulled = 1;
/** Bytes of each of three disks: all mirrors of a run have room on two of them. */
const largeDisk = 160n * 4n * MiB;

/** The disks of a node's group: where its volumes are, and what LVM shows and refuses while the second one is missing. */
export class Disks {
  readonly #lvm: FakeLvm;
  readonly #states: State[];
  readonly #size: bigint;
  /** Bytes on each disk, by logical volume. */
  readonly #placed = new Map<string, readonly bigint[]>();
  /** Mirrors of which the kernel uses one copy no longer. */
  readonly #degraded = new Set<string>();
  readonly #problems: string[] = [];
  /** Nothing that LVM has shown before a change says that the disk is missing. */
  #unseen = false;
  #made = 0;

  /** @param count 2, or 3 where the second one does not come back */
  constructor(lvm: FakeLvm, count: number) {
    this.#lvm = lvm;
    this.#states = Array.from({ length: count }, () => 'here');
    this.#size = count === 2 ? lvm.size / 2n : largeDisk;
    this.update();
  }

  get mayPull(): boolean {
    return this.#states[pulled] === 'here';
  }

  pull(): void {
    this.#states[pulled] = 'pulled';
    this.#unseen = true;
    for (const name of this.#lvm.mirrors.keys()) if (this.#on(name)[pulled] !== 0n) this.#degraded.add(name);
    this.update();
  }

  putBack(): void {
    this.#states[pulled] = 'back';
    this.update();
  }

  /** What is wrong at rest, and what was wrong before. */
  problems(): string[] {
    const isWhole = (name: string, action: string): boolean => !this.#degraded.has(name) && action === 'idle';
    const incomplete = [...this.#lvm.mirrors].filter(([name, { raid_sync_action: action }]) => !isWhole(name, action));
    return [
      ...this.#problems,
      ...(this.#isLacking() ? ['the group lacks a disk at rest'] : []),
      ...incomplete.map(([name]) => `the copies of ${name} are not complete at rest`),
    ];
  }

  /** Call it before LVM shows what a change depends on. */
  look(): void {
    this.#unseen = false;
  }

  /** The disk may come back with what is on it. Only one that is pulled between the look and the removal is removed. Call it before each change. */
  judge(argv: LvmArguments): void {
    const name = nameIn(argv);
    if (argv[0] === 'lvremove' && this.#isLost(name) && !this.#unseen)
      this.#problems.push(`${name} is removed while its disk is missing`);
  }

  /** LVM's refusal of a change; `undefined`: it does it. */
  refusal(argv: LvmArguments): string | undefined {
    const creates = ['lvcreate', 'lvextend'].includes(argv[0]);
    if (creates && this.#isLacking()) return 'Cannot change VG vg while PVs are missing.';
    const size = BigInt(argv.find((_, index) => argv[index - 1] === '-L')?.slice(0, -1) ?? '0');
    const lacksRoom =
      (argv.includes('raid1') && this.#freest(size).length < 2) ||
      (argv.includes('--repair') && this.#placeFor(nameIn(argv)) === undefined);
    return lacksRoom ? 'Insufficient suitable allocatable extents' : undefined;
  }

  /** Whether a part of this device is on a missing disk, and no copy elsewhere. */
  hasLost(device: string): boolean {
    return [...this.#placed.keys()].some(
      (name) => device === devicePath('vg' as VgName, name as LvName) && this.#isLost(name),
    );
  }

  /** After each change of LVM, with that. Returns the mirrors of which the kernel now makes a copy complete. */
  update(argv: LvmArguments = ['']): string[] {
    const { volumes, mirrors } = this.#lvm;
    const name = argv.find((_, index) => argv[index - 1] === '-n') ?? nameIn(argv);
    if (argv.includes('raid1') && volumes.has(name)) mirrors.set(name, whole());
    if (argv[0] === 'vgextend' && this.#states[pulled] === 'back') this.#states[pulled] = 'here';
    for (const one of this.#placed.keys()) if (!volumes.has(one)) this.#forget(one);
    if (argv.includes('--repair')) this.#moveCopy(name);
    for (const [one, { size }] of volumes) this.#place(one, size);
    if (argv.includes('--removemissing') && this.#free(pulled) === this.#size) this.#states[pulled] = 'gone';
    const begins = argv.includes('--refresh') || argv.includes('--repair');
    const copied = begins && this.#degraded.delete(name) ? [name] : [];
    this.#show();
    return copied;
  }

  /** The kernel has made the copy complete. */
  complete(name: string): void {
    Object.assign(this.#lvm.mirrors.get(name) ?? {}, whole());
  }

  #isMissing(disk: number): boolean {
    return ['pulled', 'back'].includes(this.#states[disk] ?? '');
  }

  #isLacking(): boolean {
    return this.#isMissing(pulled);
  }

  #isLost(name: string): boolean {
    return !this.#lvm.mirrors.has(name) && this.#isPartial(name);
  }

  #isPartial(name: string): boolean {
    return this.#on(name).some((bytes, disk) => bytes > 0n && this.#isMissing(disk));
  }

  #on(name: string): readonly bigint[] {
    return this.#placed.get(name) ?? this.#states.map(() => 0n);
  }

  #free(disk: number): bigint {
    return this.#placed.values().reduce((free, bytes) => free - (bytes[disk] ?? 0n), this.#size);
  }

  /** Those that LVM takes something from, with so many bytes free, the one with most first. */
  #freest(size: bigint): number[] {
    const usable = this.#states.flatMap((state, disk) => (state === 'here' && this.#free(disk) >= size ? [disk] : []));
    return usable.sort((one, other) => Number(this.#free(other) - this.#free(one)));
  }

  /** A disk for the lost copy of a mirror. */
  #placeFor(name: string): number | undefined {
    const on = this.#on(name);
    return this.#freest(this.#lvm.volumes.get(name)?.size ?? 0n).find((disk) => on[disk] === 0n);
  }

  #moveCopy(name: string): void {
    const to = this.#placeFor(name);
    const on = this.#on(name);
    if (to !== undefined && on.length > 0)
      this.#placed.set(
        name,
        on.map((bytes, disk) => (this.#isMissing(disk) ? 0n : disk === to ? (on[pulled] ?? 0n) : bytes)),
      );
  }

  #forget(name: string): void {
    this.#placed.delete(name);
    this.#degraded.delete(name);
    this.#lvm.mirrors.delete(name);
  }

  /** A mirror has copies on two disks; any other volume takes one disk, and what that does not have from the others. */
  #place(name: string, size: bigint): void {
    const on = this.#on(name);
    if (this.#lvm.mirrors.has(name)) {
      const has = on.some((bytes) => bytes > 0n);
      const taken = has ? on.flatMap((bytes, disk) => (bytes > 0n ? [disk] : [])) : this.#freest(size).slice(0, 2);
      return void this.#placed.set(
        name,
        on.map((_, disk) => (taken.includes(disk) ? size : 0n)),
      );
    }
    let more = size - on.reduce((sum, bytes) => sum + bytes, 0n);
    if (more <= 0n) return;
    if (!this.#placed.has(name)) this.#made += 1;
    const next = [...on];
    const order = this.#made % 2 === 0 ? [0, 1, 2] : [1, 0, 2];
    for (const disk of order.slice(0, on.length)) {
      const free = this.#free(disk);
      const here = more < free ? more : free;
      next[disk] = (next[disk] ?? 0n) + here;
      more -= here;
    }
    this.#placed.set(name, next);
  }

  #show(): void {
    const { disk, volumes, parts, mirrors } = this.#lvm;
    const members = this.#states.flatMap((state, index) => (state === 'gone' ? [] : [index]));
    this.#lvm.size = BigInt(members.length) * this.#size;
    this.#lvm.hidden = mirrors.keys().reduce((sum, name) => sum + (volumes.get(name)?.size ?? 0n), 0n);
    const [first = {}, ...others] = members.map((index) => this.#rowOf(index));
    Object.assign(disk, first);
    this.#lvm.disks = others;
    for (const [name, volume] of volumes) volume.row = { ...volume.row, lv_health_status: this.#healthOf(name) };
    parts.splice(0, parts.length, ...[...mirrors.keys()].flatMap((name) => this.#imagesOf(name)));
  }

  #rowOf(disk: number): Record<string, string> {
    const size = String(this.#size);
    const missing = this.#isMissing(disk);
    return {
      pv_name: this.#nameOf(disk),
      pv_uuid: `disk ${disk}`,
      pv_size: size,
      dev_size: size,
      pv_free: String(this.#free(disk)),
      pv_missing: missing ? 'missing' : '',
      pv_allocatable: missing ? '' : 'allocatable',
    };
  }

  #nameOf(disk: number): string {
    return this.#states[disk] === 'pulled' ? '[unknown]' : (paths[disk] ?? '');
  }

  #imagesOf(name: string): Record<string, string>[] {
    const disks = this.#on(name).flatMap((bytes, disk) => (bytes > 0n ? [disk] : []));
    return disks.map((disk, index) => ({
      lv_name: `[${name}_rimage_${index}]`,
      lv_parent: name,
      lv_size: String(this.#on(name)[disk]),
      lv_layout: 'linear',
      lv_role: 'private,raid,image',
      devices: `${this.#nameOf(disk)}(0)`,
    }));
  }

  #healthOf(name: string): string {
    if (this.#isPartial(name)) return 'partial';
    return this.#degraded.has(name) ? 'refresh needed' : '';
  }
}

const whole = () => ({ raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });

function nameIn(argv: LvmArguments): string {
  return argv.at(-1)?.split('/')[1] ?? '';
}
