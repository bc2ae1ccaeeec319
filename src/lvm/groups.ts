import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { type Bytes, MiB } from '../domain/bytes.ts';
import type { VgName } from '../domain/ids.ts';
import { defaultLayout, deviceMark, type PoolSpec, type ThinSpec } from '../domain/pool.ts';
import * as args from './arguments.ts';
import type { InventoryCache } from './cache.ts';
import { lvmFailure } from './failures.ts';
import { type LvmReport, readReport, thinPoolOf } from './inventory.ts';
import type { Lvm } from './lvm.ts';
import { thinPoolMetadataName, thinPoolName } from './names.ts';
import type { LvRecord, VgRecord } from './records.ts';
import { linkName } from './system.ts';
import { tag } from './tags.ts';
import { autoextendedMetadata, autoextendedSize, grownPoolSize, newPoolSizes } from './thin-pool.ts';
import type { Writer } from './writer.ts';

/** Room for tens of thousands of volumes with our tags; LVM's default of 1 MiB is full at about a thousand. */
const metadataAreaSize = 32n * MiB;

const thinPoolTags = [tag('v', '1'), tag('role', 'thin-pool')];

type Step = () => Promise<void>;

export interface GroupsOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  /** The directory by whose links our LVM knows devices. */
  readonly links: string;
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
    const { writer, links } = this.#options;
    const link = join(links, linkName(device));
    const what = `${device} could not be taken for pool ${spec.name}`;
    await writer.exclusive(spec.group, undefined, async () => {
      if (!marked) await writer.change(what, args.createDevice(link, markedUuid(), metadataAreaSize));
      const exists = (await this.#group(spec.group)) !== undefined;
      const tags = [tag('v', '1'), tag('pool', spec.name)];
      await writer.change(what, exists ? args.extendGroup(spec.group, link) : args.createGroup(spec.group, link, tags));
    });
  }

  /**
   * Activates the group and everything in it, gives a thin pool to the pool that wants one, and grows that with its group and
   * as its policy says. Nothing where there is no such group yet. What the last report shows to be in order costs no other;
   * whatever is missing is looked at again before it is done. Answers whether anything was to be done.
   */
  async prepare(spec: PoolSpec): Promise<boolean> {
    const { lvm, cache, writer } = this.#options;
    const wanting = this.#steps(spec, cache.report()).length > 0;
    if (wanting) {
      await writer.exclusive(spec.group, undefined, async () => {
        for (const step of this.#steps(spec, await readReport(lvm))) await step();
      });
    }
    if (cache.report().groups.some(({ group }) => group === spec.group)) this.#activated.add(spec.group);
    return wanting;
  }

  /** What is to be done, in order: at most an activation, and one change of the thin pool. */
  #steps(spec: PoolSpec, report: LvmReport): Step[] {
    const vg = report.groups.find(({ group }) => group === spec.group);
    if (!vg) return [];
    const inactive = report.volumes.some((lv) => lv.group === spec.group && !lv.active);
    const change = spec.thin && this.#thinPoolStep(spec, spec.thin, vg, report);
    return [
      ...(inactive && !this.#activated.has(spec.group) ? [() => this.#activate(spec.group, report)] : []),
      ...(change ? [change] : []),
    ];
  }

  async #activate(group: VgName, report: LvmReport): Promise<void> {
    const what = `volume group ${group} could not be activated`;
    const activate = (): Promise<void> => this.#options.writer.change(what, args.activateGroup(group));
    try {
      await activate();
    } catch (failure) {
      const pool = thinPoolOf(report, group);
      if (!pool || pool.active) throw failure;
      // An LVM that was killed while it activated the pool has left parts of it active, for which it then refuses the pool. Parts
      // that are in use or inactive it does not deactivate: then it was something else.
      await this.#options.writer.change(what, args.deactivateParts(group, pool.lv)).catch(() => {
        throw failure;
      });
      await activate();
    }
  }

  #thinPoolStep(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, report: LvmReport): Step | undefined {
    const pool = thinPoolOf(report, spec.group);
    if (!pool) return () => this.#createThinPool(spec, thin, vg, report);
    const ours = pool.tags.get('role') === 'thin-pool';
    // A mirrored pool gets its tags last.
    const unmarked = spec.mirrors > 0 && pool.lv === thinPoolName && vg.tags.get('pool') === spec.name;
    if (!ours && unmarked) return () => this.#markThinPool(spec);
    const grown = ours ? grownPoolSize(spec, thin, vg, pool) : pool.size;
    const size = grown > pool.size ? grown : autoextendedSize(spec, thin, vg, pool);
    if (size !== undefined) return () => this.#extend(spec, pool, size);
    const full = thin.autoextend && pool.metadataPercent >= thin.autoextend.threshold;
    return full ? () => this.#extendMetadata(spec, thin, vg, pool) : undefined;
  }

  async #extendMetadata(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, pool: LvRecord): Promise<void> {
    const size = autoextendedMetadata(spec, thin, vg, await this.#metadataSize(spec, pool));
    if (size === undefined) return;
    await this.#options.writer.change(
      `the metadata of the thin pool of ${spec.name} could not be extended`,
      args.extendThinMetadata(spec.group, pool.lv, size),
    );
  }

  async #createThinPool(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, report: LvmReport): Promise<void> {
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
    const present = new Set(report.volumes.map((lv) => `${lv.group}/${lv.lv}`));
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
    const size = answer.ok ? answer.rows[0]?.['lv_metadata_size'] : undefined;
    if (size) return BigInt(size);
    const what = `the size of the metadata of the thin pool of ${spec.name} could not be read`;
    throw lvmFailure(what, answer.ok ? [] : answer.messages);
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
