import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { MiB } from '../domain/bytes.ts';
import { type Failure, isFailure } from '../domain/errors.ts';
import type { NodeName, VgName } from '../domain/ids.ts';
import { deviceMark, type PoolSpec } from '../domain/pool.ts';
import { activateInPool, activateOverParts } from './activation.ts';
import { activateGroup, listOne } from './arguments.ts';
import * as args from './group-arguments.ts';
import type { InventoryCache } from './cache.ts';
import { isPartial, lacksThinDevice } from './failures.ts';
import { untilReleased } from './held-disk.ts';
import { type LvmReport, thinPoolOf } from './inventory.ts';
import type { Lvm } from './process/lvm.ts';
import { decodeLv, type LvRecord } from './records.ts';
import { prepareStep } from './prepared.ts';
import { linkName } from './process/system.ts';
import { tag } from './tags.ts';
import { sendPendingMessages, type ThinPoolNeed, ThinPools } from './thin-pools.ts';
import type { Writer } from './writer.ts';

/** Of each disk, in front of its extents. Has room for tens of thousands of volumes with our tags; LVM's default of 1 MiB is full at about a thousand. */
export const metadataAreaSize = 32n * MiB;

/** The state of a disk right before it is taken. */
export interface Proof {
  /** The disk is already a physical volume with our mark. */
  readonly marked: boolean;
  /** LVM was cut off after it labelled the disk as a group's and before it wrote the group; it refuses the disk until `pvcreate -ff`. */
  readonly claimed: boolean;
  /** No group of the pool's name is here or may come back. */
  readonly mayCreate: boolean;
}

export interface GroupsOptions {
  readonly node: NodeName;
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  /** The directory whose links are the device names that our LVM sees. */
  readonly links: string;
  /** Milliseconds until a disk that another program holds is tried again; for tests. */
  readonly pause?: number;
}

/** Volume groups of pools. Every method does only what is missing, so that it may be interrupted anywhere. */
export class Groups {
  readonly #options: GroupsOptions;
  /** Each group is activated once per process: what an administrator deactivates later stays inactive, but not a thin pool that LVM deactivates. */
  readonly #activated = new Set<VgName>();
  readonly #thinPools: ThinPools;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.#thinPools = new ThinPools(options);
  }

  /**
   * Adds a disk to the pool's group. `prove` checks the disk within the group's turn, right before the first write, and throws if the
   * disk may not be taken.
   */
  async take(spec: PoolSpec, device: string, prove: () => Promise<Proof>): Promise<void> {
    const { node, writer, links, pause } = this.#options;
    const link = join(links, linkName(device));
    const what = `${device} could not be taken for pool ${spec.name}`;
    const label = { device: link, uuid: markedUuid(), metadataSize: metadataAreaSize };
    const enter = (isNew: boolean) =>
      writer.change(
        what,
        isNew
          ? args.vgcreate(spec.group, link, [tag('v', '1'), tag('pool', spec.name)])
          : args.vgextend(spec.group, link),
      );
    await writer.exclusive(spec.group, undefined, async () => {
      // Who held the disk may have written to it: it is proven again before each attempt at the first write.
      const { labelled, mayCreate } = await untilReleased(async () => {
        const proof = await prove();
        const isLabelled = !proof.marked || proof.claimed;
        if (isLabelled) await writer.change(what, args.pvcreate({ ...label, force: proof.claimed }));
        else await enter(proof.mayCreate);
        return { labelled: isLabelled, mayCreate: proof.mayCreate };
      }, pause);
      if (labelled) await untilReleased(() => enter(mayCreate), pause);
      // A disk whose only metadata lacks this tag was never in a group (pools/joining.ts).
      if (mayCreate) await writer.change(what, args.tagGroup(spec.group, tag('node', node)));
    });
  }

  /**
   * Activates the group and everything in it, creates a thin pool's logical volumes, and grows them with the group or by policy. Does
   * nothing if the group does not exist. Reads new reports only if the last one shows something to do; the last one then shows what was done. Returns
   * problems of a pool that serves all the same, and throws if it cannot serve.
   */
  async prepare(spec: PoolSpec): Promise<string[]> {
    const { cache } = this.#options;
    const first = this.#needs(spec, cache.report());
    if (!first.inactive && !first.thin.step) {
      this.#remember(spec.group);
      return first.thin.problem === undefined ? [] : [first.thin.problem];
    }
    return this.#options.writer.exclusive(spec.group, undefined, () => this.#prepare(spec));
  }

  /**
   * Whether the group's thin pool is to be grown now. Asks LVM for the use of this pool alone, and only where it grows by itself: call it every few
   * seconds.
   */
  async needsGrowth(spec: PoolSpec): Promise<boolean> {
    const { lvm, cache } = this.#options;
    const pool = spec.thin?.autoextend && cache.reported ? thinPoolOf(cache.report(), spec.group) : undefined;
    if (!pool) return false;
    const answer = await lvm.report(listOne(spec.group, pool.lv));
    const row = answer.ok ? answer.rows.at(-1) : undefined;
    if (!row) return false;
    const report = cache.report();
    const volumes = report.volumes.map((one) => (one.uuid === pool.uuid ? decodeLv(row) : one));
    return this.#needs(spec, { ...report, volumes }).thin.step !== undefined;
  }

  async #prepare(spec: PoolSpec): Promise<string[]> {
    const { cache } = this.#options;
    const problems: string[] = [];
    // The last report may be of before this turn: it suffices where it shows something inactive, as to activate what is active does no harm.
    if (!this.#needs(spec, cache.report()).inactive) await cache.refresh();
    if (this.#needs(spec, cache.report()).inactive) {
      problems.push(...(await this.#activate(spec.group, cache.report())));
      await this.#refresh();
    }
    const report = cache.report();
    const { step, problem } = this.#needs(spec, report).thin;
    if (step) {
      // A pool that cannot grow still serves; one that could not be created does not.
      if (thinPoolOf(report, spec.group)) problems.push(...(await prepareStep(step)));
      else await step();
      await this.#refresh();
    }
    if (problem !== undefined) problems.push(problem);
    this.#remember(spec.group);
    return problems;
  }

  /** Reads LVM's state after devices were activated. */
  async #refresh(): Promise<void> {
    this.#options.lvm.restartReports();
    await this.#options.cache.refresh();
  }

  #needs(spec: PoolSpec, report: LvmReport): { readonly inactive: boolean; readonly thin: ThinPoolNeed } {
    const vg = report.groups.find(({ group }) => group === spec.group);
    if (!vg) return { inactive: false, thin: {} };
    const pool = thinPoolOf(report, spec.group);
    const mayActivate = (lv: LvRecord): boolean =>
      !this.#activated.has(spec.group) || (lv === pool && this.#options.writer.poolsInDoubt.has(spec.group));
    const inactive = report.volumes.some((lv) => lv.group === spec.group && !lv.active && mayActivate(lv));
    // LVM extends nothing while a disk is missing.
    const mayGrow = vg.missingDevices === 0 || !pool;
    return { inactive, thin: spec.thin && mayGrow ? this.#thinPools.need(spec, spec.thin, vg, report) : {} };
  }

  #remember(group: VgName): void {
    if (!this.#options.cache.report().groups.some((vg) => vg.group === group)) return;
    this.#options.writer.poolsInDoubt.delete(group);
    this.#activated.add(group);
  }

  /**
   * Returns the problems of volumes that do not activate: the others work without them. Throws if LVM gave no answer, and if the group's
   * thin pool does not activate, because its volumes need it.
   */
  async #activate(group: VgName, report: LvmReport): Promise<string[]> {
    const { writer, cache, lvm } = this.#options;
    const what = `volume group ${group} could not be activated`;
    const activate = (): Promise<Failure | undefined> =>
      attempt(() =>
        activateOverParts(writer, group, () => {
          lvm.restartReports();
          return writer.slowChange(what, activateGroup(group));
        }),
      );
    const pool = thinPoolOf(report, group)?.lv;
    const poolActive = (): boolean =>
      pool === undefined || cache.report().volumes.some((lv) => lv.group === group && lv.lv === pool && lv.active);
    let failure = await activate();
    if (failure && isPartial(failure) && pool !== undefined && !poolActive()) {
      await activateInPool(this.#options, what, { group, lv: pool, pool });
      lvm.restartReports();
      await cache.refresh();
    }
    if (failure && !poolActive()) throw failure;
    if (failure && pool !== undefined && lacksThinDevice(failure)) {
      failure = (await attempt(() => sendPendingMessages(writer, group, pool))) ?? (await activate());
    }
    if (!failure) return [];
    const left = cache.report().volumes.filter((lv) => lv.group === group && !lv.active);
    return left.length === 0 ? [] : [`${left.map(({ lv }) => lv).join(', ')} not active: ${failure.message}`];
  }
}

/** The failure that LVM answered with. Throws if LVM gave no answer, because the outcome is unknown then. */
async function attempt(change: () => Promise<void>): Promise<Failure | undefined> {
  try {
    await change();
    return undefined;
  } catch (error) {
    if (isFailure(error) && error.cause === undefined) return error;
    throw error;
  }
}

/** LVM's format: 32 characters in groups of 6-4-4-4-4-4-6. */
function markedUuid(): string {
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const random = (length: number) => Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
  return [deviceMark, ...[4, 4, 4, 4, 4, 6].map(random)].join('-');
}
