import type { Command } from '../cli/command.ts';
import type { Config, Configs } from '../config/schema.ts';
import type { VolumeDevices } from '../domain/devices.ts';
import type { DeviceUse } from '../domain/filesystems.ts';
import type { Fleet } from '../domain/fleet.ts';
import type { JobStatus } from '../domain/jobs.ts';
import type { News } from '../domain/news.ts';
import type { InlineVolumes, VolumeLocks } from '../domain/storage.ts';
import type { NodeRegistry } from '../controller/node-registry.ts';
import type { RefusedReservations } from '../controller/refused-reservations.ts';
import type { ControllerCapability } from '../controller/service.ts';
import type { AdminMethods, Services } from '../grpc/services.ts';
import type { Events } from '../kubernetes/events.ts';
import type { ClaimPage, RecordPage } from '../kubernetes/persistent-volumes.ts';
import type { Log } from '../log.ts';
import type { LeavingDisks } from '../lvm/evacuation/leaving-disks.ts';
import type { Families, Values } from '../metrics/metrics.ts';
import type { NodeCapability } from '../node/service.ts';
import type { CandidateDisk } from '../pools/reconciler.ts';
import type { Limits } from '../qos/limits.ts';
import type { Local } from './local.ts';

/** A part of one process: the calls that it answers, its metrics, and the work that it repeats. */
export interface Part {
  /** CSI services, on the role's own socket. Several parts may have methods of one service. */
  readonly services?: Services;
  /** What ControllerGetCapabilities says of them. */
  readonly capabilities?: readonly ControllerCapability[];
  /** What NodeGetCapabilities says of them. */
  readonly nodeCapabilities?: readonly NodeCapability[];
  /** Calls of the command line: a node answers them on the socket of its CSI services, a controller on the one for administrators. */
  readonly admin?: Partial<AdminMethods>;
  readonly metrics?: Families;
  readonly start?: () => void;
  /** Ends what is in flight within the deadline, in milliseconds. */
  readonly stop?: (deadlineMs: number) => Promise<void>;
}

/** A part of a role that serves the disks of this machine. */
export interface NodePart extends Part {
  /** Called once, after the first look at the pools. May not throw. */
  readonly ready?: () => Promise<void>;
}

/** Given to the features of a role that serves the disks of this machine. */
export interface NodeContext {
  readonly config: Config;
  readonly local: Local;
  readonly limits: Pick<Limits, 'list' | 'table'>;
  /** `retry` starts those that LVM's last report asks for, also those that have failed. */
  readonly jobs: { list(): readonly JobStatus[]; retry(): void };
  readonly leaving: LeavingDisks;
  /** The disks that match the rules of the pools, as they were last found. */
  readonly disks: () => readonly CandidateDisk[];
  /** Sets what controllers learn of this node beyond the state of LVM. */
  readonly announce: (news: News) => void;
  readonly devices: VolumeDevices;
  /** How those of the devices that are mounted are in use, by their paths. Throws `unavailable`. */
  readonly deviceUses: (devices: readonly string[]) => Promise<ReadonlyMap<string, DeviceUse>>;
  /** The inline volumes of this node's pods, and whether kubelet still has the folder of one by its target. */
  readonly inline: {
    readonly volumes: InlineVolumes;
    readonly locks: VolumeLocks;
    readonly stateOf: (target: string) => Promise<'present' | 'gone'>;
  };
  /** For how long writes are paused for each group snapshot, in seconds. */
  readonly pauses: Values;
  readonly log: Log;
}

/** Given to the features of a controller. */
export interface ControllerContext {
  readonly config: Configs['controller'];
  readonly fleet: Fleet;
  /** The PersistentVolumes of Kubernetes; absent where the controller runs without Kubernetes. */
  readonly persistentVolumes?: PersistentVolumes | undefined;
  /** The VolumeSnapshotContents of Kubernetes; absent as above, or where the configuration leaves them out. */
  readonly snapshotContents?: SnapshotContents | undefined;
  /** The claims whose reservations no node can promise. */
  readonly refusedReservations: Pick<RefusedReservations, 'list'>;
  /** Sends events; absent as above. */
  readonly events?: EventSender | undefined;
  readonly log: Log;
}

/** Given to the features of a role that serves CSI's Controller. */
export interface CsiContext {
  /** The driver's name. */
  readonly driver: string;
  readonly registry: Pick<
    NodeRegistry,
    'at' | 'snapshotsOf' | 'storageOf' | 'member' | 'members' | 'movedTo' | 'volumesAfter' | 'snapshotsAfter'
  >;
}

/** Sends events to the users of Kubernetes. */
export type EventSender = Events;

/** The volumes that Kubernetes has PersistentVolumes for. */
export interface PersistentVolumes {
  /** Whether `watched` knows them now. Costs the same for any number of them. */
  isWatched(): boolean;
  /** Their ids, as last watched; `undefined` before the first complete list. */
  watched(): ReadonlySet<string> | undefined;
  /** Reads all of them again. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Some of the claims that they are bound to, by volume id; without a token the first. Throws `unavailable`. */
  claims(token: string | undefined, signal: AbortSignal): Promise<ClaimPage>;
  /** What is to be recorded on some of the volumes; without a token the first. Throws `unavailable`. */
  records(token: string | undefined, signal: AbortSignal): Promise<RecordPage>;
}

/** The snapshots that Kubernetes has VolumeSnapshotContents for. */
export interface SnapshotContents {
  /** Whether `watched` knows them now. Costs the same for any number of them. */
  isWatched(): boolean;
  /** Their ids, and of contents without a snapshot the ids of their volumes, as last watched; `undefined` while that is not known. */
  watched(): ReadonlySet<string> | undefined;
  /** Reads all of them again. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** A folder of `src/features`, as the roles and the command line see it. */
export interface Feature {
  /** In the order of help. */
  readonly commands: readonly Command[];
  /** Loads and makes the feature's calls of CSI's Controller. */
  readonly csi?: (context: CsiContext) => Promise<Part>;
  /** Loads and makes the feature's part of a controller; `undefined` where the configuration leaves it nothing to do. */
  readonly controller?: (context: ControllerContext) => Promise<Part | undefined>;
  /** Loads and makes the feature's part of a role that serves the disks of this machine. */
  readonly node?: (context: NodeContext) => Promise<NodePart>;
}
