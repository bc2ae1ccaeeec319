import type { Patience } from '../concurrency/patience.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../domain/errors.ts';
import type { PoolSpec } from '../domain/pool.ts';
import type { Log } from '../log.ts';
import type { LeftMessages } from '../lvm/blocks/left-messages.ts';
import type { InventoryCache } from '../lvm/cache.ts';
import type { GroupRecords } from '../lvm/group-records.ts';
import type { Groups } from '../lvm/groups.ts';
import { LostMetadata, type LostMetadataOptions } from '../lvm/metadata/lost-metadata.ts';
import { createAreaReader } from '../lvm/metadata/read-area.ts';
import type { MissingDisks } from '../lvm/mirrors/missing-disks.ts';
import type { Lvm } from '../lvm/process/lvm.ts';
import { removeRemains } from '../lvm/remains.ts';
import type { Writer } from '../lvm/writer.ts';
import type { Disks } from './disks.ts';

interface PreparationOptions {
  readonly lvm: Lvm;
  readonly cache: InventoryCache;
  readonly records: GroupRecords;
  readonly writer: Writer;
  readonly lost: LostMetadata;
  readonly missing: MissingDisks;
  readonly messages: Pick<LeftMessages, 'doubt'>;
  readonly groups: Groups;
  readonly log: Log;
}

/** What is done to the pools' groups before they serve, and after. */
export interface Preparation {
  /** Brings back groups whose metadata a power cut took, as the last search of the disks found them. Returns whether one is back. */
  restore(): Promise<boolean>;
  /**
   * Mends and activates the pool's group, and creates or grows its thin pool, so that the last report shows it. Returns problems of a pool that serves all the
   * same, and throws if it cannot serve.
   */
  prepare(spec: PoolSpec): Promise<readonly string[]>;
  /** Renews LVM's backups of the groups that are whole, as the last search found them. */
  renewRecords(): Promise<void>;
}

export function createLostMetadata(
  { pools: specs, lvm: { directory } }: Config,
  { search, visible }: Disks,
  patience: Patience,
  ports: Pick<LostMetadataOptions, 'records' | 'cache' | 'writer' | 'devices' | 'log'>,
): LostMetadata {
  const show = (devices: readonly string[]) => visible.show(devices);
  return new LostMetadata({ ...ports, specs, directory, areas: createAreaReader(patience), search, show });
}

export function createPreparation(specs: readonly PoolSpec[], ports: PreparationOptions): Preparation {
  const { cache, records, writer, lost, missing, messages, groups, log } = ports;
  /** A failed write to the root disk is only logged: the pool is served. */
  const logged = async (spec: PoolSpec, write: () => Promise<void>): Promise<void> => {
    try {
      await write();
    } catch (error) {
      log.warn({ pool: spec.name, reason: messageOf(error) }, 'a volume group could not be recorded');
    }
  };
  return {
    restore: () => lost.restore(),
    /**
     * Disks that lost the group's metadata first: LVM leaves them out of the changes that follow. Then remains: they keep a missing disk in its group. Then
     * missing disks: LVM extends no thin pool in a group that lacks one. A change by another program may have been cut off since the last time.
     */
    async prepare(spec) {
      messages.doubt(spec.group);
      const problems = await lost.settle(spec.group);
      await logged(spec, () => records.record(spec, writer));
      problems.push(...(await removeRemains(ports, spec.group)));
      problems.push(...(await missing.settle(spec.group)));
      problems.push(...(await groups.prepare(spec)));
      return problems;
    },
    async renewRecords() {
      const whole = cache.report().groups.filter(({ missingDevices }) => missingDevices === 0);
      for (const spec of specs)
        if (whole.some(({ group }) => group === spec.group)) await logged(spec, () => records.renew(spec, writer));
    },
  };
}
