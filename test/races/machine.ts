import type { PoolSpec } from '../../src/domain/pool.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { Volume } from '../../src/domain/volume.ts';
import type { Transport } from '../../src/fleet/client/transport.ts';
import type { Protocol } from '../../src/fleet/wire/protocol.ts';
import type { Random } from '../storm/random.ts';
import type { LvmAnswer, LvmArguments } from '../../src/lvm/process/lvm.ts';
import { FakeLvm, spec } from '../unit/lvm/fake-lvm.ts';
import type { Schedule } from './schedule.ts';
import { Contents } from './contents.ts';
import { Disks } from './disks.ts';
import { Life } from './life.ts';

const thinPool = 'thinpool';
const poolRow = { lv_attr: 'twi-aotz--', data_percent: '0.00', metadata_percent: '10.00' };
const thinSpec: PoolSpec = { ...spec, type: 'thin', thin: { share: 100, overprovision: 1, refuseAt: 95 } };

export interface MachineOptions {
  readonly name: string;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly protocol: Protocol;
  /** Its pool is a thin pool that takes the whole group. */
  readonly thin: boolean;
  /** Of the group. Of two, one may be pulled, and comes back; of three, it does not. */
  readonly disks: 1 | 2 | 3;
  /** Dials a controller. `undefined`: it cannot be reached now. */
  readonly open: (machine: Machine, controller: number) => Transport | undefined;
}

/** A node: its LVM, which outlives everything, and the process that serves it. */
export class Machine {
  readonly name: string;
  readonly lvm = new FakeLvm();
  readonly contents = new Contents(this.lvm, spec.group);
  readonly options: MachineOptions;
  /** Absent: the group has one disk. */
  readonly disks: Disks | undefined;
  #life: Life | undefined;
  #lives = 0;
  #boots = 1;

  constructor(options: MachineOptions) {
    this.name = options.name;
    this.options = options;
    this.disks = options.disks > 1 ? new Disks(this.lvm, options.disks) : undefined;
    if (options.thin) this.lvm.volumes.set(thinPool, { size: this.lvm.size, tags: new Set(), row: { ...poolRow } });
  }

  get spec(): PoolSpec {
    return this.options.thin ? thinSpec : spec;
  }

  /** The bytes that new volumes may have. */
  get room(): bigint {
    if (!this.options.thin) return this.lvm.free;
    return [...this.lvm.volumes.values()].reduce(
      (room, { size, row }) => (row?.['pool_lv'] ? room - size : room),
      this.lvm.size,
    );
  }

  /** Takes bytes for something that Quarry did not make. */
  occupy(size: bigint): void {
    const row = this.options.thin && { row: { lv_attr: 'Vwi-a-tz--', pool_lv: thinPool } };
    this.lvm.volumes.set('foreign', { size, tags: new Set(), ...row });
    this.disks?.update();
  }

  /** What LVM shows before a change that depends on it. */
  async lookForChange(argv: LvmArguments): Promise<LvmAnswer> {
    this.disks?.look();
    return this.lvm.report(argv);
  }

  /** LVM does a change, or refuses it. */
  async change(argv: LvmArguments): Promise<LvmAnswer> {
    this.contents.judge(argv);
    this.disks?.judge(argv);
    const refusal = this.disks?.refusal(argv);
    if (refusal !== undefined) return { ok: false, messages: [refusal] };
    const answer = await this.lvm.change(argv);
    for (const name of this.disks?.update(argv) ?? [])
      this.options.schedule.add(`kernel ${this.name}`, () => this.disks?.complete(name));
    return answer;
  }

  get runs(): boolean {
    return this.#life !== undefined;
  }

  start(): void {
    this.#lives += 1;
    this.#life = new Life(this, `${this.name}-${this.#lives}`, `boot-${this.#boots}`);
    void this.#life.start();
  }

  /** Ends the process at once, between any two commands of LVM or amid one. */
  kill({ reboot }: { readonly reboot: boolean }): void {
    this.#life?.end();
    this.#life = undefined;
    if (reboot) this.#boots += 1;
  }

  /** Dials the controllers that it has no stream to. */
  dial(): void {
    this.#life?.dial();
  }

  /** As the driver does it again and again. */
  rescan(): void {
    void this.#life?.rescan();
  }

  /** What is wrong at rest. */
  problems(): string[] {
    const problems = [...this.contents.problems, ...(this.disks?.problems() ?? [])];
    const left = this.contents.left().map((lv) => `${lv}, the source of a copy, is left at rest`);
    return [...problems, ...left].map((problem) => `${this.name}: ${problem}`);
  }

  volumes(): readonly Volume[] {
    return this.#life ? [...this.#life.cache.current().volumes.values()] : [];
  }

  snapshots(): readonly Snapshot[] {
    return this.#life ? [...this.#life.cache.current().snapshots.values()] : [];
  }
}
