import type { PoolName, VolumeId } from './ids.ts';
import type { Inventory } from './storage.ts';
import type { Volume } from './volume.ts';

/** CSI's statuses of a volume that is not well. */
export type VolumeStatus = 'DEGRADED' | 'INACCESSIBLE';
/** CSI's statuses of storage that is not well. */
export type StorageStatus = 'STORAGE_DEGRADED' | 'STORAGE_UNREACHABLE';

interface VolumeReason {
  readonly status: VolumeStatus;
  readonly when: string;
}

interface StorageReason {
  readonly status: StorageStatus;
  /** Of the thin volumes of the pool; absent: they are not affected. */
  readonly volumes?: VolumeStatus;
  readonly when: string;
}

/** What can be wrong with one volume; the reference is made from it. */
export const volumeReasons = {
  DiskMissing: {
    status: 'INACCESSIBLE',
    when: 'LVM does not see a disk that has a part of the volume, and there is no other copy of it. Bring the disk back, or restore the volume from a backup',
  },
  MirrorDegraded: {
    status: 'DEGRADED',
    when: 'A copy of a mirrored volume is missing or has failed; I/O goes on with the others. Replace the disk',
  },
  MirrorResyncing: {
    status: 'DEGRADED',
    when: 'The copies of a mirrored volume are being made equal. Nothing to do; `lvs -o sync_percent` shows the progress',
  },
  MirrorMismatch: {
    status: 'DEGRADED',
    when: 'A check found copies of a mirrored volume that differ. Run `lvchange --syncaction repair`',
  },
  FilesystemReadOnly: {
    status: 'DEGRADED',
    when: "The kernel has made the volume's filesystem read-only after an error. Stop its pods: the next stage checks the filesystem",
  },
  FilesystemShutDown: {
    status: 'INACCESSIBLE',
    when: "The kernel has shut the volume's filesystem down after an error: all I/O fails. Stop its pods: the next stage checks the filesystem",
  },
  FilesystemErrors: {
    status: 'DEGRADED',
    when: 'The filesystem counts errors: ext4 since its last check, btrfs since its counters were reset. The kernel log has them. ext4: stop the pods, and the next stage checks it; btrfs: `btrfs scrub`, then `btrfs device stats --reset`',
  },
  DeviceErrors: {
    status: 'INACCESSIBLE',
    when: "A read of the volume's device failed. The kernel log says which disk: replace it",
  },
  DeviceStuck: {
    status: 'INACCESSIBLE',
    when: "A read of the volume's device does not end. `quarry hung` lists what waits for the disk: revive or remove the disk",
  },
  NodeDisconnected: {
    status: 'INACCESSIBLE',
    when: 'Only from a controller: the node that has the volume is not connected to it. Look after the node; other reasons are as it last reported them',
  },
  StateUnknown: {
    status: 'INACCESSIBLE',
    when: 'The volume may exist, and its state cannot be read: LVM does not answer, or its volume group is missing. The message says why',
  },
} as const satisfies Record<string, VolumeReason>;

/** What can be wrong with a pool or its disks; the reference is made from it. */
export const storageReasons = {
  VolumeGroupMissing: {
    status: 'STORAGE_UNREACHABLE',
    when: 'LVM no longer sees the volume group of the pool. Bring its disks back',
  },
  VolumeGroupStuck: {
    status: 'STORAGE_UNREACHABLE',
    when: 'LVM gives no answer about the volume group of the pool, because a disk does not answer. The group is set apart, so that other pools go on: revive or remove the disk; `quarry hung` lists what waits for it',
  },
  VolumeGroupPartial: {
    status: 'STORAGE_DEGRADED',
    when: 'The volume group lacks a disk. Bring it back, or replace it; volumes on the other disks go on',
  },
  PoolNotReady: {
    status: 'STORAGE_DEGRADED',
    when: 'The pool cannot serve new volumes for another reason, such as no disk that was taken. The message says which',
  },
  ThinPoolInactive: {
    status: 'STORAGE_UNREACHABLE',
    volumes: 'INACCESSIBLE',
    when: 'The thin pool is not active. The message has the command',
  },
  ThinPoolFailed: {
    status: 'STORAGE_UNREACHABLE',
    volumes: 'INACCESSIBLE',
    when: 'The kernel has given up the thin pool after an error of its metadata. The message has the repair',
  },
  ThinPoolNeedsCheck: {
    status: 'STORAGE_DEGRADED',
    volumes: 'DEGRADED',
    when: 'The metadata of the thin pool has to be checked: it accepts no changes. The message has the repair',
  },
  ThinPoolOutOfData: {
    status: 'STORAGE_DEGRADED',
    volumes: 'DEGRADED',
    when: 'The thin pool has no free data: writes to new places wait or fail. Add a disk, delete volumes, or delete files and run `fstrim`',
  },
  ThinPoolOutOfMetadata: {
    status: 'STORAGE_DEGRADED',
    volumes: 'DEGRADED',
    when: 'The thin pool has no free metadata: writes to new places fail. Enlarge it with `lvextend --poolmetadatasize`',
  },
  ThinPoolReadOnly: {
    status: 'STORAGE_DEGRADED',
    volumes: 'DEGRADED',
    when: 'The kernel has made the metadata of the thin pool read-only after an error. The message has the repair',
  },
  ThinPoolDataNearFull: {
    status: 'STORAGE_DEGRADED',
    when: 'The data of the thin pool has reached `refuseAt`: no new volumes. Add a disk, delete volumes, or run `fstrim`',
  },
  ThinPoolMetadataNearFull: {
    status: 'STORAGE_DEGRADED',
    when: 'The metadata of the thin pool has reached `refuseAt`: no new volumes. Enlarge it with `lvextend --poolmetadatasize`',
  },
  SnapshotOverfull: {
    status: 'STORAGE_DEGRADED',
    when: 'The room of a thick snapshot did not suffice, or its disk failed: the kernel has given it up. Delete it',
  },
  DiskStuck: {
    status: 'STORAGE_DEGRADED',
    when: 'Only from a node: programs or reads wait for a disk that does not answer. `quarry hung` lists them: revive or remove the disk',
  },
} as const satisfies Record<string, StorageReason>;

/** Key of `volumeReasons`. */
export type VolumeReasonName = keyof typeof volumeReasons;
/** Key of `storageReasons`. */
export type StorageReasonName = keyof typeof storageReasons;

/** Something that is wrong with a volume or a pool, with what to do. */
export interface Condition<Name extends string = VolumeReasonName | StorageReasonName> {
  readonly reason: Name;
  readonly message: string;
}

/** What is wrong, by the id of a volume or the name of a pool, which has no ":". Absent: nothing is known to be wrong. */
export type Health = ReadonlyMap<string, readonly Condition[]>;

/** One entry of CSI: unique by status and reason. */
export interface HealthEntry<Status extends string = VolumeStatus | StorageStatus> extends Condition {
  readonly status: Status;
}

/** All that is wrong with a volume of that inventory: with itself, and with the thin pool that it is in. */
export function volumeHealth(volume: Volume, { health }: Pick<Inventory, 'health'>): HealthEntry<VolumeStatus>[] {
  const ofPool = volume.layout.type === 'thin' ? (health.get(volume.pool) ?? []) : [];
  return unique([...(health.get(volume.id) ?? []), ...ofPool].flatMap(toVolumeEntry));
}

/** All that is wrong with these pools of an inventory, and `more`. */
export function storageHealth(
  { health }: Pick<Inventory, 'health'>,
  pools: readonly PoolName[],
  more: readonly Condition<StorageReasonName>[] = [],
): HealthEntry<StorageStatus>[] {
  const all = pools.flatMap((name) => health.get(name) ?? []);
  return unique([...all, ...more].flatMap(toStorageEntry));
}

/** The pools of an inventory, ready or not. */
export function poolsOf({ pools, unready }: Pick<Inventory, 'pools' | 'unready'>): PoolName[] {
  return [...new Set([...pools.keys(), ...unready.keys()])];
}

/** Whether a reason is one of ours; a newer version may have more. */
export function isReason(text: string): text is VolumeReasonName | StorageReasonName {
  return Object.hasOwn(volumeReasons, text) || Object.hasOwn(storageReasons, text);
}

/** Both with the conditions of volumes that the kernel shows. */
export function joinHealth(health: Health, observed: ReadonlyMap<VolumeId, readonly Condition[]>): Health {
  const joined = new Map(health);
  for (const [id, conditions] of observed) {
    if (conditions.length > 0) joined.set(id, [...(joined.get(id) ?? []), ...conditions]);
  }
  return joined;
}

function toVolumeEntry(condition: Condition): HealthEntry<VolumeStatus>[] {
  if (isVolumeCondition(condition)) return [{ ...condition, status: volumeReasons[condition.reason].status }];
  const reason: StorageReason = storageReasons[condition.reason as StorageReasonName];
  return reason.volumes ? [{ ...condition, status: reason.volumes }] : [];
}

function toStorageEntry(condition: Condition): HealthEntry<StorageStatus>[] {
  if (isVolumeCondition(condition)) return [];
  return [{ ...condition, status: storageReasons[condition.reason as StorageReasonName].status }];
}

function isVolumeCondition(condition: Condition): condition is Condition<VolumeReasonName> {
  return Object.hasOwn(volumeReasons, condition.reason);
}

/** CSI allows one entry for each status and reason: messages of the same are joined. */
function unique<Status extends string>(entries: readonly HealthEntry<Status>[]): HealthEntry<Status>[] {
  const found = new Map<string, HealthEntry<Status>>();
  for (const entry of entries) {
    const before = found.get(entry.reason);
    found.set(entry.reason, before ? { ...before, message: `${before.message}; ${entry.message}` } : entry);
  }
  return [...found.values()];
}
