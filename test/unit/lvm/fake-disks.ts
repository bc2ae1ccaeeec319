import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { Lvm, LvmAnswer, LvmArguments } from '../../../src/lvm/process/lvm.ts';
import { FakeLvm } from './fake-lvm.ts';

interface Range {
  readonly device: string;
  readonly lv: string;
  readonly start: number;
  readonly extents: number;
}

const extent = 4n * MiB;
const ok: LvmAnswer = { ok: true, rows: [] };

/** The disks of `FakeLvm`'s group, with what is on them: runs the commands of an evacuation, and passes on all others. */
export class FakeDisks implements Lvm {
  readonly lvm = new FakeLvm();
  readonly changing = false;
  /** The part that the kernel has copied soon after a move has begun; `undefined`: the devices of the move are not active. */
  copied: number | undefined = 1;
  moving: { readonly from: string; readonly to: string; readonly ranges: readonly Range[] } | undefined;
  ranges: Range[];
  readonly #disks: Map<string, { readonly tags: Set<string>; readonly extents: number; allocatable: boolean }>;

  /** @param disks extents of each; the first must be /dev/sda */
  constructor(disks: Readonly<Record<string, number>>, ranges: readonly Range[]) {
    this.ranges = [...ranges];
    const state = (extents: number) => ({ tags: new Set<string>(), extents, allocatable: true });
    this.#disks = new Map(Object.entries(disks).map(([name, extents]) => [name, state(extents)]));
    this.#show();
  }

  add(name: string, extents: number): void {
    this.#disks.set(name, { tags: new Set(), extents, allocatable: true });
    this.#show();
  }

  async report(argv: LvmArguments): Promise<LvmAnswer> {
    if (argv[0] === 'pvs') return { ok: true, rows: this.ranges.map(toRow) };
    if (!argv.some((word) => word.includes('move_pv'))) return this.lvm.report(argv);
    const { moving } = this;
    const rows = moving
      ? [{ move_pv: moving.from, copy_percent: this.copied === undefined ? '' : (this.copied * 100).toFixed(2) }]
      : [];
    return { ok: true, rows };
  }

  reportForChange(argv: LvmArguments): Promise<LvmAnswer> {
    return this.lvm.report(argv);
  }

  async change(argv: LvmArguments): Promise<LvmAnswer> {
    if (!['pvchange', 'vgreduce', 'pvmove', 'lvconvert'].includes(argv[0])) return this.#pass(argv);
    this.lvm.commands.push(argv);
    if (argv[0] === 'pvchange') this.#change(argv);
    if (argv[0] === 'vgreduce') this.#disks.delete(argv.at(-1) ?? '');
    if (argv[0] === 'lvconvert') this.#replace(argv);
    if (argv[1] === '--abort') this.moving = undefined;
    if (argv[2] === '1') this.#end();
    this.#show();
    return ok;
  }

  /** A move sleeps until it is killed, as it does for an hour. */
  async slowChange(argv: LvmArguments, signal?: AbortSignal): Promise<LvmAnswer> {
    if (!argv.includes('+3600')) return this.change(argv);
    this.lvm.commands.push(argv);
    if (argv.length === 5) this.#begin(argv);
    const { promise, reject } = Promise.withResolvers<LvmAnswer>();
    signal?.addEventListener('abort', () => reject(new Failure('cancelled', 'lvm was cancelled')));
    return promise;
  }

  restart(): void {}

  restartReports(): void {}

  /** A logical volume on a disk that is named takes extents of it. */
  async #pass(argv: LvmArguments): Promise<LvmAnswer> {
    const disk = this.#disks.get(argv.at(-1) ?? '');
    if (argv[0] === 'lvcreate' && disk?.allocatable === false) throw new Error('DISK IS NOT ALLOCATABLE');
    const answer = await this.lvm.change(argv);
    if (argv[0] === 'lvcreate' && disk) {
      const [lv = '', bytes = ''] = ['-n', '-L'].map((option) => argv[argv.indexOf(option) + 1]);
      const extents = Number(BigInt(bytes.slice(0, -1)) / extent);
      this.ranges.push({ device: argv.at(-1) ?? '', lv, start: 0, extents });
    }
    if (argv[0] === 'lvremove') this.ranges = this.ranges.filter(({ lv }) => `vg/${lv}` !== argv.at(-1));
    this.#show();
    return answer;
  }

  #begin([, , , places = '', to = '']: LvmArguments): void {
    const [from = '', ...parts] = places.split(':');
    const ranges = parts.map((part): Range => {
      const [first = 0, last = 0] = part.split('-').map(Number);
      const on = this.ranges.find(
        ({ device, start, extents }) => device === from && start <= first && first < start + extents,
      );
      return { device: from, lv: on?.lv ?? '', start: first, extents: last - first + 1 };
    });
    this.moving = { from, to, ranges };
  }

  #end(): void {
    const { from, to, ranges } = this.moving ?? { from: '', to: '', ranges: [] };
    for (const moved of ranges) this.#relocate(from, to, moved);
    this.moving = undefined;
  }

  #relocate(from: string, to: string, moved: Range): void {
    const place = { device: to, start: 1000 + this.ranges.length };
    this.ranges = this.ranges.flatMap((range) => {
      const end = range.start + range.extents;
      if (range.device !== from || moved.start < range.start || moved.start >= end) return [range];
      const rest = { ...range, start: moved.start + moved.extents, extents: end - moved.start - moved.extents };
      return [{ ...moved, ...place }, ...(rest.extents > 0 ? [rest] : [])];
    });
  }

  /** The kernel makes the copy on the other disk. */
  #replace(argv: LvmArguments): void {
    const [from = '', lv = '', to = ''] = argv.slice(3);
    const part = `${lv.slice(3)}_r`;
    for (const range of this.ranges)
      if (range.device === from && range.lv.startsWith(part)) this.#relocate(from, to, range);
    Object.assign(this.lvm.mirrors.get(lv.slice(3)) ?? {}, { raid_sync_action: 'recover', sync_percent: '0.00' });
  }

  #change(argv: LvmArguments): void {
    const disk = this.#disks.get(argv.at(-1) ?? '');
    if (!disk) throw new Error(`there is no disk ${argv.at(-1)}`);
    for (const [index, word] of argv.entries()) {
      const value = argv[index + 1] ?? '';
      if (word === '--deltag') disk.tags.delete(value);
      if (word === '--addtag') disk.tags.add(value);
      if (word === '-x') disk.allocatable = value === 'y';
    }
  }

  /** Sets the fields of LVM's report. */
  #show(): void {
    const rows = [...this.#disks].map(([name, { tags, extents, allocatable }]) => {
      const used = this.ranges.filter(({ device }) => device === name).reduce((sum, range) => sum + range.extents, 0);
      const target = this.moving?.to === name ? this.moving.ranges.reduce((sum, range) => sum + range.extents, 0) : 0;
      return {
        pv_name: name,
        pv_missing: '',
        pv_uuid: name.slice(5),
        pv_size: String(BigInt(extents) * extent),
        pv_free: String(BigInt(extents - used - target) * extent),
        pv_allocatable: allocatable ? 'allocatable' : '',
        pv_tags: [...tags].join(','),
      };
    });
    const [first, ...others] = rows;
    Object.assign(this.lvm.disk, first?.pv_name === '/dev/sda' ? first : { vg_name: '' });
    this.lvm.disks = first?.pv_name === '/dev/sda' ? others : rows;
  }
}

function toRow({ device, lv, start, extents }: Range): Record<string, string> {
  const place = { pv_name: device, pvseg_start: String(start), pvseg_size: String(extents) };
  return { vg_name: 'vg', lv_name: lv, segtype: 'linear', ...place };
}
