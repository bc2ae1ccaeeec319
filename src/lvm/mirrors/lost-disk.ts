import { Failure } from '../../domain/errors.ts';
import type { Bytes } from '../../domain/bytes.ts';
import type { LvName, VgName } from '../../domain/ids.ts';
import { removeVolume } from '../arguments.ts';
import type { InventoryCache } from '../cache.ts';
import { type Member, memberOf } from '../disk-removal.ts';
import { readSegments } from '../evacuation/segments.ts';
import type { Lvm } from '../process/lvm.ts';
import { isMoveName } from '../names.ts';
import { linkedDevice } from '../process/system.ts';
import type { LvRecord } from '../records.ts';
import type { Writer } from '../writer.ts';
import { readParts } from './mirror-copies.ts';
import type { MissingDisks } from './missing-disks.ts';

/** LVM, and the disks that are waited for. */
export interface LostDiskOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly writer: Writer;
  readonly missing: Pick<MissingDisks, 'giveUp'>;
}

/** Something that a missing disk has a part of. */
export interface Affected {
  /** `group/name` */
  readonly lv: string;
  /** Of the volume or the snapshot; absent: a thin pool, or not Quarry's. */
  readonly id: string | undefined;
  readonly size: Bytes;
  /** No other disk has a copy of it. */
  readonly lost: boolean;
}

/** Gives up a disk that does not come back. */
export class LostDisk {
  readonly #options: LostDiskOptions;

  constructor(options: LostDiskOptions) {
    this.#options = options;
  }

  /**
   * Returns what the missing disk has a part of. From now on it is not waited for: copies are made elsewhere, and it leaves its group as soon as
   * nothing lies on it. With `deleteLost`, what has no other copy is removed, for good. Changes nothing with `dryRun`. Throws `not-found`, and `precondition` with
   * every reason.
   *
   * @param disk UUID of the physical volume
   */
  async giveUp(
    disk: string,
    { deleteLost, dryRun }: { readonly deleteLost: boolean; readonly dryRun: boolean },
    signal: AbortSignal,
  ): Promise<Affected[]> {
    const { cache, writer, missing } = this.#options;
    const { group } = memberOf(cache, disk);
    const affected = await writer.exclusive(group, signal, async () => {
      await cache.refresh();
      const record = memberOf(cache, disk);
      refusePresent(record);
      const found = await this.#affected(record);
      if (deleteLost) refuseUnremovable(found);
      if (dryRun) return found;
      if (deleteLost) await this.#remove(group, found);
      missing.giveUp(record.uuid);
      return found;
    });
    await cache.refresh();
    return affected.map(({ record, lost }) => ({
      lv: `${group}/${record.lv}`,
      id: record.tags.get('id'),
      size: record.size,
      lost,
    }));
  }

  /** Thin pools before their volumes. */
  async #affected({ group, uuid }: Member): Promise<Found[]> {
    const { lvm, cache } = this.#options;
    const segments = (await readSegments(lvm, group)).filter((segment) => segment.uuid === uuid);
    const { copies } = await readParts(lvm, group);
    const parts = new Set(segments.map(({ lv }) => lv.replace(/_r(meta|image)_\d+$/, '')));
    // The spare metadata of thin pools has no data.
    const states = [...parts]
      .filter((part) => !part.endsWith('_pmspare'))
      .map((part) => {
        const left = copies.find(({ lv }) => lv === part)?.devices.size ?? 0;
        return { lv: part.replace(/_t(data|meta)$/, '') as LvName, lost: left === 0 };
      });
    refuseMoves(states.map(({ lv }) => lv));
    const { volumes } = cache.report();
    return volumes
      .filter((record) => record.group === group)
      .flatMap((record) => {
        const own = states.filter(({ lv }) => lv === record.lv || lv === record.thinPool);
        return own.length === 0 ? [] : [{ record, lost: own.some(({ lost }) => lost) }];
      })
      .toSorted((one, other) => Number(other.record.isThinPool) - Number(one.record.isThinPool));
  }

  /** A crash leaves some of them, which the next call finds. */
  async #remove(group: VgName, found: readonly Found[]): Promise<void> {
    const { writer, cache } = this.#options;
    for (const { record, lost } of found) {
      // LVM removes the volumes of a thin pool and the snapshots of a volume with it.
      const isThere = cache.report().volumes.some(({ uuid }) => uuid === record.uuid);
      if (!lost || !isThere) continue;
      await writer.slowChange(`${group}/${record.lv} could not be given up`, removeVolume(group, record.lv));
      await cache.refresh();
    }
  }
}

interface Found {
  readonly record: LvRecord;
  readonly lost: boolean;
}

function refusePresent({ missing, device, group }: Member): void {
  if (missing && !device.startsWith('/')) return;
  const message = `${linkedDevice(device)} is a disk of ${group} that is here: see "quarry disks evacuate"`;
  throw new Failure('precondition', message);
}

function refuseMoves(lvs: readonly LvName[]): void {
  if (!lvs.some(isMoveName)) return;
  throw new Failure('precondition', 'something was being moved from or to the disk: end that with "pvmove --abort"');
}

function refuseUnremovable(found: readonly Found[]): void {
  const lost = found.filter((one) => one.lost).map(({ record }) => record);
  const problems = lost.flatMap((record) => {
    const name = `${record.group}/${record.lv}`;
    if (record.open && !record.isThinPool) return [`${name} is in use: delete its pods first`];
    // So have snapshots, and what a change in progress made.
    const ours = record.isThinPool || record.tags.has('role') || record.erasing !== undefined;
    return ours ? [] : [`${name} is not Quarry's: remove it with "lvremove ${name}"`];
  });
  if (problems.length > 0) throw new Failure('precondition', problems.join('\n'));
}
