import { randomInt } from 'node:crypto';
import { type Bytes, MiB, roundUp } from '../domain/bytes.ts';
import type { VgName } from '../domain/ids.ts';
import { defaultLayout, deviceMark, type PoolSpec, type ThinSpec } from '../domain/pool.ts';
import * as args from './arguments.ts';
import { readReport, thinPoolOf } from './inventory.ts';
import type { Lvm } from './lvm.ts';
import { thinPoolMetadataName, thinPoolName } from './names.ts';
import type { LvRecord, VgRecord } from './records.ts';
import { tag } from './tags.ts';
import { autoextendedSize, grownPoolSize, newPoolSizes } from './thin-pool.ts';
import type { Writer } from './writer.ts';

/** Room for tens of thousands of volumes with our tags; LVM's default of 1 MiB is full at about a thousand. */
const metadataAreaSize = 32n * MiB;

const thinPoolTags = [tag('v', '1'), tag('role', 'thin-pool')];

export interface GroupsOptions {
  readonly lvm: Lvm;
  readonly writer: Writer;
}

/** Volume groups of pools. Every method looks first and does only what is missing, so that it may be interrupted anywhere. */
export class Groups {
  readonly #options: GroupsOptions;
  /** Activated once: what an administrator deactivates later stays so. */
  readonly #activated = new Set<VgName>();

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Makes a disk that was proven blank, or `marked` before, part of the pool's group. */
  async take(spec: PoolSpec, device: string, marked: boolean): Promise<void> {
    const { writer } = this.#options;
    const what = `${device} could not be taken for pool ${spec.name}`;
    await writer.exclusive(spec.group, undefined, async () => {
      if (!marked) await writer.change(what, args.createDevice(device, markedUuid(), metadataAreaSize));
      const exists = (await this.#group(spec.group)) !== undefined;
      const tags = [tag('v', '1'), tag('pool', spec.name)];
      await writer.change(
        what,
        exists ? args.extendGroup(spec.group, device) : args.createGroup(spec.group, device, tags),
      );
    });
  }

  /**
   * Activates the group and everything in it, gives a thin pool to the pool that wants one, and grows that with its group and
   * as its policy says. Nothing where there is no such group yet.
   */
  async prepare(spec: PoolSpec): Promise<void> {
    const { lvm, writer } = this.#options;
    await writer.exclusive(spec.group, undefined, async () => {
      const report = await readReport(lvm);
      const vg = report.groups.find(({ group }) => group === spec.group);
      if (!vg) return;
      if (!this.#activated.has(spec.group)) {
        await writer.change(`volume group ${spec.group} could not be activated`, args.activateGroup(spec.group));
        this.#activated.add(spec.group);
      }
      if (!spec.thin) return;
      const pool = thinPoolOf(report, spec.group);
      if (!pool) return this.#createThinPool(spec, spec.thin, vg);
      const ours = pool.tags.get('role') === 'thin-pool';
      // A mirrored pool gets its tags last.
      const unmarked = spec.mirrors > 0 && pool.lv === thinPoolName && vg.tags.get('pool') === spec.name;
      if (!ours && unmarked) return this.#markThinPool(spec);
      const size = ours ? grownPoolSize(spec, spec.thin, vg, pool) : pool.size;
      if (size > pool.size) return this.#extend(spec, pool, size);
      await this.#autoextend(spec, spec.thin, vg, pool);
    });
  }

  /** Grows data and metadata of a thin pool as its policy says. */
  async #autoextend(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, pool: LvRecord): Promise<void> {
    const size = autoextendedSize(spec, thin, vg, pool);
    if (size !== undefined) return this.#extend(spec, pool, size);
    if (!thin.autoextend || pool.metadataPercent < thin.autoextend.threshold) return;
    const metadata = await this.#metadataSize(spec, pool);
    const grown = roundUp((metadata * BigInt(100 + Math.round(thin.autoextend.by))) / 100n, vg.extentSize);
    if (grown - metadata > vg.free) return;
    await this.#options.writer.change(
      `the metadata of the thin pool of ${spec.name} could not be extended`,
      args.extendThinMetadata(spec.group, pool.lv, grown),
    );
  }

  async #createThinPool(spec: PoolSpec, thin: ThinSpec, vg: VgRecord): Promise<void> {
    const { writer } = this.#options;
    const what = `the thin pool of ${spec.name} could not be created`;
    const { data, metadata } = newPoolSizes(spec, thin, vg);
    const layout = defaultLayout(spec, 'thick');
    const pool = {
      group: spec.group,
      pool: thinPoolName,
      size: data,
      metadataSize: metadata,
      layout,
      tags: thinPoolTags,
    };
    if (spec.mirrors === 0) return writer.change(what, args.createThinPool(pool));
    const present = new Set((await readReport(this.#options.lvm)).volumes.map((lv) => `${lv.group}/${lv.lv}`));
    for (const [lv, size] of [[thinPoolName, data] as const, [thinPoolMetadataName, metadata] as const]) {
      if (!present.has(`${spec.group}/${lv}`)) await writer.change(what, args.createPoolPart(pool, lv, size));
    }
    await writer.change(what, args.joinThinPool(pool, thinPoolMetadataName));
    await this.#markThinPool(spec);
  }

  async #markThinPool(spec: PoolSpec): Promise<void> {
    const what = `the thin pool of ${spec.name} could not be marked`;
    for (const add of thinPoolTags) {
      await this.#options.writer.change(what, args.retag(spec.group, thinPoolName, { add }));
    }
  }

  async #extend(spec: PoolSpec, pool: LvRecord, size: Bytes): Promise<void> {
    const command = args.extendVolume(spec.group, pool.lv, size);
    await this.#options.writer.change(`the thin pool of ${spec.name} could not be extended`, command);
  }

  async #metadataSize(spec: PoolSpec, pool: LvRecord): Promise<Bytes> {
    const answer = await this.#options.lvm.report(['lvs', '-o', 'lv_metadata_size', `${spec.group}/${pool.lv}`]);
    return answer.ok ? BigInt(answer.rows[0]?.['lv_metadata_size'] ?? 0) : 0n;
  }

  async #group(group: VgName): Promise<VgRecord | undefined> {
    return (await readReport(this.#options.lvm)).groups.find((vg) => vg.group === group);
  }
}

/** LVM's format: 32 characters in groups of 6-4-4-4-4-4-6. */
function markedUuid(): string {
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const random = (length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  return [deviceMark, ...[4, 4, 4, 4, 4, 6].map(random)].join('-');
}
