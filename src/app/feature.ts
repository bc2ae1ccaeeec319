import type { Command } from '../cli/command.ts';
import type { Configs } from '../config/schema.ts';
import type { Fleet } from '../domain/fleet.ts';
import type { AdminMethods, Services } from '../grpc/services.ts';
import type { Log } from '../log.ts';
import type { Families } from '../metrics/metrics.ts';

/** What is joined to one process of a role: calls that it answers, figures that it shows, work that it repeats. */
export interface Part {
  /** CSI services, on the role's own socket. */
  readonly services?: Services;
  readonly metrics?: Families;
  readonly start?: () => void;
  /** Ends what is in flight within the deadline, in milliseconds. */
  readonly stop?: (deadlineMs: number) => Promise<void>;
}

/** A part of a controller. */
export interface ControllerPart extends Part {
  /** Calls of the command line, on the socket for administrators. */
  readonly admin?: Partial<AdminMethods>;
}

/** What a controller has at hand for its features. */
export interface ControllerContext {
  readonly config: Configs['controller'];
  readonly fleet: Fleet;
  /** Which volumes Kubernetes has PersistentVolumes for; absent where the controller runs without Kubernetes. */
  readonly persistentVolumes?: PersistentVolumes | undefined;
  readonly log: Log;
}

/** Which volumes Kubernetes has PersistentVolumes for. */
export interface PersistentVolumes {
  /** Ids as far as watched; `undefined` while that is not known. */
  watched(): ReadonlySet<string> | undefined;
  /** Reads all of them again. Throws `unavailable`. */
  read(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

/** A folder of `src/features`, as the roles and the command line see it. */
export interface Feature {
  /** In the order of help. */
  readonly commands: readonly Command[];
  /** Loads and makes the feature's part of a controller; `undefined` where the configuration leaves it nothing to do. */
  readonly controller?: (context: ControllerContext) => Promise<ControllerPart | undefined>;
}
