import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GroupStates } from '../../domain/groups.ts';
import type { VgName } from '../../domain/ids.ts';
import type { PoolSpec } from '../../domain/pool.ts';
import type { Log } from '../../log.ts';
import type { InventoryCache } from '../cache.ts';
import type { Devices } from '../devices.ts';
import { restoreMetadata, rewriteMetadata } from '../group-arguments.ts';
import type { GroupRecords } from '../group-records.ts';
import type { PhysicalVolume } from '../physical-volumes.ts';
import { prepareStep } from '../prepared.ts';
import { linkName, linksIn } from '../process/system.ts';
import type { Writer } from '../writer.ts';
import type { AreaReader } from './read-area.ts';
import { planRestoration, type Restoration } from './restoration.ts';
import { parseText } from './texts.ts';

/** What `LostMetadata` uses. */
export interface LostMetadataOptions {
  readonly specs: readonly PoolSpec[];
  readonly records: Pick<GroupRecords, 'backupOf' | 'isPools'>;
  readonly areas: AreaReader;
  readonly cache: Pick<InventoryCache, 'devicesOf' | 'report' | 'refresh'>;
  readonly writer: Pick<Writer, 'exclusive' | 'slowChange'>;
  readonly devices: Pick<Devices, 'flush'>;
  /** The physical volumes that a group uses by their label, but which LVM finds no group for, and the states of the pools' groups. */
  readonly search: () => { readonly claimed: readonly PhysicalVolume[]; readonly groups: GroupStates };
  /** Lets LVM see these devices too. */
  readonly show: (devices: readonly string[]) => Promise<void>;
  /** LVM's system directory. LVM's processes see it where we do. */
  readonly directory: string;
  readonly log: Log;
}

/**
 * Mends what a power cut leaves of a change of a group on disks with a volatile cache: LVM writes the metadata, and then where it is, without a flush
 * between.
 */
export class LostMetadata {
  readonly #options: LostMetadataOptions;
  /** Disks of groups whose metadata was there once since the start: LVM keeps it from then on. */
  #sound: ReadonlySet<string> = new Set();
  /** The last reason by group, for the log. */
  readonly #reasons = new Map<VgName, string>();

  constructor(options: LostMetadataOptions) {
    this.#options = options;
  }

  /** Brings back the pools' groups that no disk has the metadata of any more. Returns whether one is back: then the disks are to be searched again. */
  async restore(): Promise<boolean> {
    const { specs, search } = this.#options;
    const { claimed, groups } = search();
    if (claimed.length === 0) return false;
    const lost = specs.filter(({ group }) => ['away', 'none'].includes(groups.get(group)?.state ?? ''));
    let restored = false;
    for (const spec of lost) restored = (await this.#restore(spec, claimed)) || restored;
    return restored;
  }

  /**
   * Lets LVM write the metadata of the group to those of its disks that lost it alone. LVM leaves such a disk out of each later change, so that the group would be
   * gone with the other disks. Each disk is looked at once. Returns what LVM refused.
   */
  async settle(group: VgName): Promise<string[]> {
    const { areas, cache, writer, log } = this.#options;
    const devices = cache.devicesOf(group).filter((device) => device.startsWith('/'));
    const isWhole = cache.report().groups.some((vg) => vg.group === group && vg.missingDevices === 0);
    const unknown = devices.filter((device) => !this.#sound.has(device));
    if (!isWhole || unknown.length === 0) return [];
    return prepareStep(async () => {
      const sound = await Promise.all(unknown.map((device) => areas.isSound(device)));
      const lost = unknown.filter((_device, index) => !sound[index]);
      if (lost.length > 0) {
        const what = `the metadata of volume group ${group} could not be written again to ${lost.join(', ')}`;
        await writer.exclusive(group, undefined, () => writer.slowChange(what, rewriteMetadata(group)));
        log.warn({ group, devices: lost }, 'disks had lost the metadata of their volume group: it was written again');
        await cache.refresh();
      }
      this.#sound = new Set([...this.#sound, ...unknown]);
    });
  }

  async #restore(spec: PoolSpec, claimed: readonly PhysicalVolume[]): Promise<boolean> {
    const { records, areas, directory } = this.#options;
    const { group } = spec;
    const read = claimed.map(async ({ device, uuid }) => {
      const lost = await areas.readLost(device, group);
      return lost ? [{ device, uuid, ...lost }] : [];
    });
    const backup = await records.backupOf(group);
    const plan = planRestoration((await Promise.all(read)).flat(), parseText(Buffer.from(backup, 'latin1'), group));
    if (!plan || !records.isPools(spec, plan.text, backup)) return false;
    const file = join(directory, `metadata-of-${group}`);
    if (plan.state !== 'partial') await writeFile(file, plan.text.bytes, { mode: 0o600 });
    if (plan.state === 'certain') await this.#write(group, plan, file);
    else this.#explain(group, plan, file);
    return plan.state === 'certain';
  }

  /** Logs why the group is not restored, once. */
  #explain(group: VgName, plan: Restoration, file: string): void {
    const devices = plan.disks.map(({ device }) => device);
    const { sequence } = plan.text;
    const reason =
      plan.state === 'partial'
        ? `its other disks may have newer metadata: bring back the physical volumes ${plan.missing.join(', ')}`
        : `a power cut may have kept the newest state from being written, or the disk has damaged it; the one before may lack volumes that were made since. To restore that one, run "pvck -y --repairtype metadata -f ${file} ${devices.join(' ')}"`;
    if (this.#reasons.get(group) === reason) return;
    this.#reasons.set(group, reason);
    this.#options.log.error({ group, devices, sequence, reason }, 'the metadata of a volume group is lost');
  }

  async #write(group: VgName, { text, disks }: Restoration, file: string): Promise<void> {
    const { writer, devices, show, directory, log } = this.#options;
    const paths = disks.map(({ device }) => device);
    await show(paths);
    await writer.exclusive(group, undefined, async () => {
      for (const device of paths) {
        const what = `the metadata of volume group ${group} could not be restored on ${device}`;
        await writer.slowChange(what, restoreMetadata(file, join(linksIn(directory), linkName(device))));
      }
      await Promise.all(paths.map((device) => devices.flush(device)));
    });
    const { uuid, sequence } = text;
    log.warn(
      { group, uuid, sequence, devices: paths },
      'a power cut took the metadata of a volume group: the state before it is restored',
    );
  }
}
