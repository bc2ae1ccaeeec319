import { MiB } from '../../../src/domain/bytes.ts';
import type { LvName, VgName } from '../../../src/domain/ids.ts';
import type { Lvm, LvmAnswer, LvmArguments } from '../../../src/lvm/process/lvm.ts';
import { raidPartOf } from '../../../src/lvm/names.ts';
import { thickSpec } from '../../support/memory-storage.ts';

export const spec = thickSpec('fast', { group: 'vg' as VgName });

/** A volume group in memory that runs the commands of the storage. */
export class FakeLvm implements Lvm {
  size = 1024n * MiB;
  present = true;
  /** Bytes that the further copies of mirrors take. */
  hidden = 0n;
  uuid = 'own';
  /** `row`: fields of LVM's report that differ from those of an active linear volume. */
  readonly volumes = new Map<
    string,
    { size: bigint; tags: Set<string>; row?: Record<string, string>; uuid?: string }
  >();
  /** The state of the copies of mirrored volumes; a repair stays at 0 % until a test changes it. */
  readonly mirrors = new Map<
    string,
    { raid_sync_action: string; sync_percent: string; raid_max_recovery_rate: string }
  >();
  /** The hidden parts of logical volumes that are active while the whole is not. */
  readonly activeParts = new Set<string>();
  readonly partsInUse = new Set<string>();
  /** Logical volumes that are inactive; an activation of the group leaves those of `defect`, and is refused for them. */
  readonly inactive = new Set<string>();
  readonly defect = new Set<string>();
  /** Fields of LVM's report on the group's disk that differ from those of a healthy one. */
  readonly disk: Record<string, string> = {};
  /** Fields of LVM's report on further disks of the group. One without a path is missing. */
  disks: Record<string, string>[] = [];
  /** Hidden parts of logical volumes, as `lvs -a` shows them. */
  parts: Record<string, string>[] = [];
  readonly groupTags = new Set<string>();
  readonly commands: LvmArguments[] = [];
  /** Called after a report has read the state and before it answers, and before a change; may throw or make other changes. */
  beforeAnswer: (argv: LvmArguments) => Promise<void> = async () => undefined;

  async report(argv: LvmArguments): Promise<LvmAnswer> {
    refuseEmpty(argv);
    const rows = this.#read(argv);
    await this.beforeAnswer(argv);
    return rows ? { ok: true, rows } : { ok: false, messages: [`Failed to find logical volume "${argv.at(-1)}"`] };
  }

  reportForChange(argv: LvmArguments): Promise<LvmAnswer> {
    return this.report(argv);
  }

  async change(argv: LvmArguments): Promise<LvmAnswer> {
    refuseEmpty(argv);
    await this.beforeAnswer(argv);
    this.commands.push(argv);
    const problem = this.#apply(argv);
    return problem === undefined ? { ok: true, rows: [] } : { ok: false, messages: [problem] };
  }

  readonly changing = false;

  slowChange(argv: LvmArguments): Promise<LvmAnswer> {
    return this.change(argv);
  }

  restart(): void {}

  restartReports(): void {}

  get free(): bigint {
    const room = this.size - this.hidden;
    // A thin volume takes nothing of the group.
    return this.volumes.values().reduce((free, { size, row }) => (row?.['pool_lv'] ? free : free - size), room);
  }

  #read(argv: LvmArguments): Record<string, string>[] | undefined {
    if (!this.present) return argv.at(-1)?.includes('/') ? undefined : [];
    const named = argv.filter((word) => word.startsWith('vg/')).map((word) => word.slice(3));
    if (named.length > 0) {
      return named.every((name) => this.volumes.has(name)) ? named.map((name) => this.#row(name)) : undefined;
    }
    if (argv[0] === 'lvs') return [...[...this.volumes.keys()].map((name) => this.#row(name)), ...this.parts];
    return [...this.#group(), ...[...this.volumes.keys()].map((name) => this.#row(name)), { seg_start: '0' }];
  }

  #group(): Record<string, string>[] {
    const [size, free] = [String(this.size), String(this.free)];
    const metadata = { vg_mda_size: String(32n * MiB), vg_mda_free: String(16n * MiB) };
    const sizes = { vg_size: size, vg_free: free, vg_extent_size: String(4n * MiB) };
    const device = { pv_free: free, pv_size: size, dev_size: size, pv_allocatable: 'allocatable', pv_missing: '' };
    return [
      {
        vg_name: 'vg',
        vg_uuid: this.uuid,
        ...sizes,
        ...metadata,
        vg_tags: [...this.groupTags].join(','),
        vg_missing_pv_count: String(this.disks.filter(({ pv_missing }) => pv_missing !== '').length),
      },
      ...this.disks.map((row) => ({ vg_name: 'vg', vg_uuid: this.uuid, ...device, ...row })),
      { pv_name: '/dev/sda', pv_uuid: 'u', vg_name: 'vg', vg_uuid: this.uuid, ...device, ...this.disk },
    ];
  }

  #row(name: string): Record<string, string> {
    const { size, tags, row, uuid = name } = this.volumes.get(name) ?? { size: 0n, tags: new Set() };
    const nothing = { pool_lv: '', data_percent: '', metadata_percent: '' };
    const lv_attr = this.inactive.has(name) ? '-wi-------' : '-wi-a-----';
    const attributes = { lv_uuid: uuid, lv_size: String(size), lv_attr, lv_tags: [...tags].join(',') };
    const mirror = this.mirrors.get(name);
    return {
      vg_name: 'vg',
      vg_uuid: this.uuid,
      vg_tags: [...this.groupTags].join(','),
      lv_name: name,
      ...attributes,
      ...nothing,
      ...mirror,
      seg_pe_ranges: `/dev/sda:0-${size / (4n * MiB) - 1n}`,
      lv_layout: mirror ? 'raid,raid1' : 'linear',
      ...row,
    };
  }

  /** LVM activates no logical volume of which a part is active, and deactivates no part that is in use. */
  #setActive(argv: LvmArguments): string | undefined {
    const names = argv.filter((word) => word.startsWith('vg/')).map((word) => word.slice(3));
    if (argv[2] === 'n') {
      const used = names.find((name) => this.partsInUse.has(name));
      if (used !== undefined) return `Logical volume vg/${used} in use.`;
      names.forEach((name) => this.activeParts.delete(name));
      names.filter((name) => this.volumes.has(name)).forEach((name) => this.inactive.add(name));
      return undefined;
    }
    const isRefused = (lv: string): boolean => this.defect.has(lv) && !argv.includes('partial');
    for (const name of names) {
      const row = this.volumes.get(name)?.row;
      if (row?.['lv_attr']?.[9] === 'k' && !argv.includes('-K')) return `Logical volume vg/${name} is not active.`;
      if (row?.['lv_attr'] !== undefined && !isRefused(name))
        row['lv_attr'] = `${row['lv_attr'].slice(0, 4)}a${row['lv_attr'].slice(5)}`;
    }
    const refused = [...this.activeParts].filter((part) => argv[0] === 'vgchange' || part.startsWith(`${names[0]}_`));
    const refusals = refused.map(
      (part) =>
        `Activation of logical volume vg/${part.replace(/_[a-z]+(_\d+)?$/, '')} is prohibited while logical volume vg/${part} is active.`,
    );
    for (const lv of this.inactive) {
      if (isRefused(lv)) refusals.push(`Refusing activation of partial LV vg/${lv}.`);
      else this.inactive.delete(lv);
    }
    return refusals.join('; ') || undefined;
  }

  #originOf(name: string): string | undefined {
    return this.volumes.get(name)?.row?.['origin'];
  }

  #thinRow(pool: string): Record<string, string> {
    return { lv_attr: 'Vwi-a-tz--', pool_lv: pool, thin_id: String(this.volumes.size) };
  }

  #makeSnapshot(name: string, origin: string, { thick, inactive }: { thick: boolean; inactive: boolean }): void {
    const [snapshot, from] = [this.volumes.get(name), this.volumes.get(origin)];
    if (!snapshot || !from) throw new Error(`vg/${origin} does not exist: it was looked for before`);
    // It has the blocks of its origin, as if it was that.
    if (!thick) {
      const skipped = inactive && from.row ? { lv_attr: 'Vwi---tz-k' } : {};
      return void Object.assign(snapshot, { size: from.size, row: { ...from.row, ...skipped } });
    }
    from.row = { ...from.row, lv_attr: 'owi-a-s---' };
    snapshot.row = { lv_attr: 'sri-a-s---', origin, origin_size: String(from.size) };
  }

  /** A disk that is missing leaves the group if nothing is on it; one that is back is used again. */
  #changeMissing([command, , ...words]: LvmArguments): string | undefined {
    if (command === 'vgextend') {
      for (const disk of this.disks) if (disk['pv_name'] === words[1]) disk['pv_missing'] = '';
      return undefined;
    }
    this.disks = this.disks.filter(({ pv_name, pv_free, pv_size }) => pv_name !== '[unknown]' || pv_free !== pv_size);
    return this.disks.some(({ pv_name }) => pv_name === '[unknown]')
      ? 'There are still partial LVs in VG vg.'
      : undefined;
  }

  /** The kernel begins to make the copy. */
  #restoreCopy(name: string): undefined {
    const row = this.volumes.get(name)?.row;
    if (row) row['lv_health_status'] = '';
    Object.assign(this.mirrors.get(name) ?? {}, { raid_sync_action: 'recover', sync_percent: '0.00' });
  }

  #rename(from = '', to = ''): string | undefined {
    const volume = this.volumes.get(from);
    if (!volume) return `Failed to find logical volume "vg/${from}"`;
    this.volumes.delete(from);
    this.volumes.set(to, { uuid: from, ...volume });
    if (this.inactive.delete(from)) this.inactive.add(to);
    return undefined;
  }

  #split(name = ''): undefined {
    const snapshot = this.volumes.get(name);
    const origin = snapshot?.row?.['origin'];
    if (snapshot) snapshot.row = { lv_attr: '-ri-a-----' };
    this.#forgetOrigin(origin);
  }

  /** A volume is no origin after its last thick snapshot. */
  #forgetOrigin(origin: string | undefined): void {
    if (origin !== undefined && ![...this.volumes.keys()].some((one) => this.#originOf(one) === origin))
      delete this.volumes.get(origin)?.row;
  }

  #apply(argv: LvmArguments): string | undefined {
    if (argv[0] === 'lvrename') return this.#rename(argv[2], argv[3]);
    if (argv.includes('--splitsnapshot')) return this.#split(argv.at(-1)?.slice(3));
    if (argv[1]?.endsWith('missing')) return this.#changeMissing(argv);
    if (argv.includes('--repair') || argv.includes('--refresh')) return this.#restoreCopy(argv.at(-1)?.slice(3) ?? '');
    if (argv[0] === 'vgreduce') this.disks = this.disks.filter(({ pv_name }) => pv_name !== argv[2]);
    if (argv[0] === 'vgreduce') return undefined;
    if (['pvcreate', 'vgcreate', 'vgextend'].includes(argv[0])) return undefined;
    if (argv[0].endsWith('change') && argv[1] === '-a') return this.#setActive(argv);
    const values = (option: string) => argv.filter((_, index) => argv[index - 1] === option);
    if (argv[0] === 'vgchange') for (const tag of values('--deltag')) this.groupTags.delete(tag);
    if (argv[0] === 'vgchange') return undefined;
    const [thinPool] = values('--thinpool');
    const size = BigInt((values('-L')[0] ?? values('-V')[0] ?? '0b').slice(0, -1));
    const name = values('-n')[0] ?? argv.findLast((word) => word.startsWith('vg/'))?.slice(3) ?? '';
    const existing = this.volumes.get(name);
    if (argv[0] === 'lvcreate') {
      if (existing) return `Logical Volume "${name}" already exists in volume group "vg"`;
      const origin = argv.includes('-s') ? (argv.at(-1)?.slice(3) ?? '') : undefined;
      if (origin !== undefined && !this.volumes.has(origin)) return `Failed to find logical volume "vg/${origin}"`;
      if (size > this.free && !thinPool) return 'Volume group "vg" has insufficient free space';
      const row = thinPool && { row: this.#thinRow(thinPool.slice(3)) };
      this.volumes.set(name, { size, tags: new Set(values('--addtag')), ...row });
      if (origin !== undefined) {
        this.#makeSnapshot(name, origin, { thick: size > 0n, inactive: values('-k')[0] === 'y' });
      }
      return undefined;
    }
    if (!existing) return `Failed to find logical volume "vg/${name}"`;
    if (argv[0] === 'lvremove') {
      const origin = this.#originOf(name);
      for (const other of this.volumes.keys())
        if (other === name || raidPartOf(other as LvName) === name || this.#originOf(other) === name)
          this.volumes.delete(other);
      this.#forgetOrigin(origin);
    }
    if (argv[0] === 'lvextend') existing.size = size;
    const mirror = this.mirrors.get(name);
    if (mirror && argv.includes('--syncaction'))
      Object.assign(mirror, { raid_sync_action: 'repair', sync_percent: '0.00' });
    if (mirror)
      mirror.raid_max_recovery_rate = values('--maxrecoveryrate')[0]?.slice(0, -1) ?? mirror.raid_max_recovery_rate;
    for (const tag of values('--deltag')) existing.tags.delete(tag);
    for (const tag of values('--addtag')) existing.tags.add(tag);
    return undefined;
  }
}

/** As the client of the long-lived process does: LVM would not see an empty word. */
function refuseEmpty(argv: LvmArguments): void {
  if (argv.includes('')) throw new Error(`an empty word for LVM: ${JSON.stringify(argv)}`);
}
