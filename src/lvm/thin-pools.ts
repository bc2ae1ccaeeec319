import { type Bytes, MiB } from '../domain/bytes.ts';
import { Failure } from '../domain/errors.ts';
import type { LvName, VgName } from '../domain/ids.ts';
import { defaultLayout, type PoolSpec, type ThinSpec, type WhenFull } from '../domain/pool.ts';
import { createVolume, extendVolume, removeVolume } from './arguments.ts';
import * as args from './thin-pool-arguments.ts';
import { type LvmReport, thinPoolOf } from './inventory.ts';
import { copiesCutOff } from './mirrors/cut-off.ts';
import { newMessengerName, thinPoolMetadataName, thinPoolName } from './names.ts';
import type { LvRecord, VgRecord } from './records.ts';
import { tag } from './tags.ts';
import {
  autoextendedMetadata,
  autoextendedSize,
  type GroupSpace,
  grownPoolSize,
  growthProblem,
  lackingRoom,
  newPoolSizes,
  spaceOf,
} from './thin-pool.ts';
import type { Writer } from './writer.ts';

const dataTags = [tag('v', '1'), tag('role', 'thin-pool')];
const metadataTags = [tag('v', '1'), tag('role', 'thin-pool-metadata')];

export interface ThinPoolPorts {
  readonly writer: Writer;
}

/** One change of a pool. Call it only within the group's turn. */
export type Step = () => Promise<void>;

/** The next change of a thin pool, or why it is not possible; neither if nothing is to do. */
export interface ThinPoolNeed {
  readonly step?: Step | undefined;
  readonly problem?: string | undefined;
}

/** Creates and grows thin pools. A step may be interrupted anywhere: the next one continues from there. */
export class ThinPools {
  readonly #ports: ThinPoolPorts;

  constructor(ports: ThinPoolPorts) {
    this.#ports = ports;
  }

  /** The next change according to the report. A pool that Quarry did not create gets what the configuration says of it, and does not grow with its group. */
  need(spec: PoolSpec, thin: ThinSpec, vg: VgRecord, report: LvmReport): ThinPoolNeed {
    const space = spaceOf(vg, report.devices);
    const pool = thinPoolOf(report, spec.group);
    if (!pool) return { step: () => this.#create(spec, thin, space, report) };
    if (pool.keepsOldBlocks) return { step: () => this.#zeroNewBlocks(spec, pool) };
    const isOurs = pool.tags.get('role') === 'thin-pool';
    const grown = isOurs ? grownPoolSize(spec, thin, space, pool) : pool.size;
    const size = grown > pool.size ? grown : autoextendedSize(spec, thin, space, pool);
    if (size !== undefined) return { step: () => this.#extend(spec, pool, size) };
    const metadata = autoextendedMetadata(spec, thin, space, pool);
    if (metadata !== undefined) return { step: () => this.#extendMetadata(spec, pool, metadata) };
    const { whenFull } = thin;
    if (whenFull && whenFull !== pool.whenFull) return { step: () => this.#setWhenFull(spec, pool, whenFull) };
    return isOurs ? { problem: growthProblem(spec, thin, space, pool) } : {};
  }

  /**
   * Creates both parts as tagged volumes and joins them, because a single command that is cut off leaves a volume without tags. The pool
   * keeps the tags of its data.
   */
  async #create(spec: PoolSpec, thin: ThinSpec, space: GroupSpace, report: LvmReport): Promise<void> {
    const what = `the thin pool of ${spec.name} could not be created`;
    const sizes = newPoolSizes(spec, thin, space);
    const layout = defaultLayout(spec, 'thick');
    const linear = spec.mirrors > 0 ? layout : ({ ...layout, stripes: 1 } as const);
    const parts = [
      { lv: thinPoolName, size: sizes.data, layout, tags: dataTags },
      { lv: thinPoolMetadataName, size: sizes.metadata, layout: linear, tags: metadataTags },
    ];
    for (const part of parts) {
      const { group } = spec;
      const exists = partExists(group, part.lv, part.tags, report);
      const cutOff = exists && copiesCutOff(report, { group, lv: part.lv });
      if (!exists && part.size === 0n) throw new Failure('exhausted', `${what}: ${lackingRoom(spec, thin, space)}`);
      if (cutOff) await this.#ports.writer.change(what, removeVolume(group, part.lv));
      if (cutOff || !exists) await this.#ports.writer.change(what, args.createPoolPart({ group, ...part }));
    }
    await this.#ports.writer.slowChange(what, args.joinThinPool(spec.group, thinPoolName, thinPoolMetadataName));
  }

  async #extend(spec: PoolSpec, pool: LvRecord, size: Bytes): Promise<void> {
    const command = extendVolume(spec.group, pool.lv, size);
    await this.#ports.writer.change(`the thin pool of ${spec.name} could not be extended`, command);
  }

  async #extendMetadata(spec: PoolSpec, pool: LvRecord, size: Bytes): Promise<void> {
    const command = args.extendThinMetadata(spec.group, pool.lv, size);
    await this.#ports.writer.change(`the metadata of the thin pool of ${spec.name} could not be extended`, command);
  }

  async #zeroNewBlocks(spec: PoolSpec, pool: LvRecord): Promise<void> {
    const what = `thin pool ${spec.group}/${pool.lv} could not be set to write zeros over new blocks`;
    await this.#ports.writer.change(what, args.zeroNewBlocks(spec.group, pool.lv));
  }

  async #setWhenFull(spec: PoolSpec, pool: LvRecord, whenFull: WhenFull): Promise<void> {
    const what = `thin pool ${spec.group}/${pool.lv} could not be set to ${whenFull} writes when it is full`;
    await this.#ports.writer.change(what, args.setWhenFull(spec.group, pool.lv, whenFull));
  }
}

/**
 * LVM commits a change of thin volumes to its metadata before it sends the message to the kernel's pool. A power cut in between leaves the
 * message in the metadata, and activation does not send it (lib/metadata/thin_manip.c, `update_thin_pool_lv`): the pool does not know the
 * new volume's device. LVM sends pending messages before the next creation, so this creates a volume and removes it. Call it only within
 * the group's turn.
 */
export async function sendPendingMessages(writer: Pick<Writer, 'change'>, group: VgName, pool: LvName): Promise<void> {
  const what = `the pending changes of thin pool ${group}/${pool} could not be finished`;
  // With a name of its own each time: one that a power cut left must not keep the next from being made.
  const lv = newMessengerName();
  const messenger = { group, lv, thinPool: pool, layout: { type: 'thin' }, size: 4n * MiB } as const;
  await writer.change(what, createVolume({ ...messenger, tags: [tag('v', '1'), tag('role', 'scratch')] }));
  await writer.change(what, removeVolume(group, lv));
}

/** Throws `precondition` if a volume of that name lacks our tags: Quarry did not create it. */
function partExists(group: VgName, lv: LvName, tags: readonly string[], report: LvmReport): boolean {
  const found = report.volumes.find((record) => record.group === group && record.lv === lv);
  if (!found) return false;
  if (tags.includes(tag('role', found.tags.get('role') ?? ''))) return true;
  throw new Failure(
    'precondition',
    `${group}/${lv} has the name of a part of Quarry's thin pool and was not created by Quarry: rename or remove it`,
  );
}
