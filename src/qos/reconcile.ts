import type { VolumeId } from '../domain/ids.ts';
import type { Rates } from '../domain/qos.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import type { Cgroups } from './cgroups.ts';
import { createVolumeOf, type Desired, desiredLimits, findPublications, type VolumeOf } from './desired.ts';
import { type AppliedPod, enforcePod } from './enforce.ts';
import type { PodUid } from '../domain/pod-targets.ts';
import { isUnlimited } from './rates.ts';
import type { Reason } from './throttle.ts';

/** Everything that a reconciliation reads. It has no memory of earlier ones. */
export interface World {
  inventory(): Inventory;
  mounts(): Promise<readonly { readonly target: string; readonly device: string }[]>;
  /** The device-mapper name of a device number; `undefined` for other devices. */
  mapperName(device: string): Promise<string | undefined>;
  /** The device-mapper names of all devices that belong to a volume. */
  mapperNamesOf(volume: Volume): readonly string[];
  cgroups(): Promise<Cgroups | undefined>;
  /** Called with each cgroup of a pod that uses a volume before it is read, because other programs may change it. */
  watch(folder: string): Promise<void>;
  /** Called with the error of one pod; the other pods are reconciled all the same. */
  failed(error: unknown): void;
}

/** The limit of one volume and pod after a reconciliation. */
export interface Finding extends Desired {
  readonly inForce: Rates;
  /** Absent: the wanted limit is in force. */
  readonly reason?: Reason | undefined;
  readonly wrote: boolean;
  /** The cgroup of the pod itself. */
  readonly cgroup?: string | undefined;
  /** The cgroups that have its limits. */
  readonly cgroups: readonly string[];
}

/**
 * Puts every limit of this node in force, as far as possible. Throws before it changes anything if the mounts or the inventory
 * cannot be read. Clears limits in pods that use no volume: in those of `had`, or in all if that is absent.
 */
export async function reconcile(
  world: World,
  unknownTargets: ReadonlyMap<string, VolumeId>,
  had?: ReadonlySet<PodUid>,
): Promise<Finding[]> {
  const inventory = world.inventory();
  const volumeOf = createVolumeOf(
    inventory.volumes.values(),
    (volume) => world.mapperNamesOf(volume),
    (device) => world.mapperName(device),
  );
  const desired = desiredLimits(inventory, await findPublications(await world.mounts(), unknownTargets, volumeOf));
  const cgroups = await world.cgroups();
  if (!cgroups) return desired.map((one) => shortfall(one, 'no-cgroup-filesystem'));
  const byPod = Map.groupBy(desired, ({ pod }) => pod ?? '');
  const findings: Finding[] = [];
  for (const [pod, cgroup] of cgroups.pods) {
    if (had && !had.has(pod) && !byPod.has(pod)) continue;
    findings.push(...(await reconcilePod(world, cgroups, cgroup, byPod.get(pod) ?? [], volumeOf)));
  }
  const elsewhere = desired.filter(({ pod }) => pod === undefined || !cgroups.pods.has(pod));
  return [
    ...findings,
    ...elsewhere.map((one) => shortfall(one, one.pod === undefined ? 'unknown-pod' : 'no-pod-cgroup')),
  ];
}

/** Reconciles one pod. A pod without volumes of ours may have a limit from before. */
async function reconcilePod(
  world: World,
  { throttle }: Cgroups,
  cgroup: string,
  desired: readonly Desired[],
  volumeOf: VolumeOf,
): Promise<Finding[]> {
  try {
    const wanted = new Map(desired.map((one) => [one.device, one.wanted]));
    const applied = await enforcePod(throttle, cgroup, wanted, {
      isOurs: async (device) => (await volumeOf(device)) !== undefined,
      visit: async (folder) => (desired.length > 0 ? world.watch(folder) : undefined),
    });
    return desired.map((one) => toFinding(one, cgroup, applied));
  } catch (error) {
    world.failed(error);
    return desired.map((one) => ({ ...shortfall(one, 'unexamined'), cgroup }));
  }
}

function toFinding(desired: Desired, cgroup: string, { devices, cgroups }: AppliedPod): Finding {
  const applied = devices.get(desired.device) ?? { inForce: {}, wrote: false };
  return { ...desired, ...applied, cgroup, cgroups };
}

/** The finding for a limit that is not in force; a volume without a limit gets no reason. */
function shortfall(desired: Desired, reason: Reason): Finding {
  return {
    ...desired,
    inForce: {},
    reason: isUnlimited(desired.wanted) ? undefined : reason,
    wrote: false,
    cgroups: [],
  };
}
