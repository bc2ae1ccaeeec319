import type { VolumeId } from '../domain/ids.ts';
import type { Rates } from '../domain/qos.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import type { Cgroups } from './cgroups.ts';
import { type HeldPod, holdPod } from './hold.ts';
import type { PodUid } from './pod-names.ts';
import { createVolumeOf, findPublications, type VolumeOf } from './publications.ts';
import { isUnlimited } from './rates.ts';
import type { Reason } from './reasons.ts';
import { type Want, wantedBy } from './wanted.ts';

/** What a round reads, and nothing else: what it did before is not among it. */
export interface World {
  inventory(): Inventory;
  mounts(): Promise<readonly { readonly target: string; readonly device: string }[]>;
  /** What device-mapper calls the device of that number; `undefined` where it is none of its own. */
  mapperName(device: string): Promise<string | undefined>;
  mapperNameOf(volume: Volume): string;
  cgroups(): Promise<Cgroups | undefined>;
  /** Called with each cgroup of a pod that uses a volume, before it is read: others may change what is there. */
  watch(folder: string): Promise<void>;
  /** Called with what came in the way of a single pod. */
  failed(error: unknown): void;
}

/** What a round left for a volume and a pod. */
export interface Finding extends Want {
  readonly inForce: Rates;
  /** Absent: what is in force is what is wanted. */
  readonly reason?: Reason | undefined;
  readonly wrote: boolean;
  /** The pod's own. */
  readonly cgroup?: string | undefined;
  /** Those that bear its limits. */
  readonly cgroups: readonly string[];
}

/**
 * Puts every limit of this node in force, as far as that is possible. Throws where the truth cannot be had: nothing was changed.
 * What is left in pods that use no volume is cleared in those of `had` only; absent: in all.
 */
export async function round(
  world: World,
  strangers: ReadonlyMap<string, VolumeId>,
  had?: ReadonlySet<PodUid>,
): Promise<Finding[]> {
  const inventory = world.inventory();
  const volumeOf = createVolumeOf(
    inventory.volumes.values(),
    (volume) => world.mapperNameOf(volume),
    (device) => world.mapperName(device),
  );
  const wants = wantedBy(inventory, await findPublications(await world.mounts(), strangers, volumeOf));
  const cgroups = await world.cgroups();
  if (!cgroups) return wants.map((want) => shortfall(want, 'no-cgroup-filesystem'));
  const byPod = Map.groupBy(wants, ({ pod }) => pod ?? '');
  const findings: Finding[] = [];
  for (const [pod, cgroup] of cgroups.pods) {
    if (had && !had.has(pod) && !byPod.has(pod)) continue;
    findings.push(...(await attend(world, cgroups, cgroup, byPod.get(pod) ?? [], volumeOf)));
  }
  const elsewhere = wants.filter(({ pod }) => pod === undefined || !cgroups.pods.has(pod));
  return [
    ...findings,
    ...elsewhere.map((want) => shortfall(want, want.pod === undefined ? 'unknown-pod' : 'no-pod-cgroup')),
  ];
}

/** One pod. Also one that has none of our volumes, for it may have had. */
async function attend(
  world: World,
  { throttle }: Cgroups,
  cgroup: string,
  wants: readonly Want[],
  volumeOf: VolumeOf,
): Promise<Finding[]> {
  try {
    const wanted = new Map(wants.map((want) => [want.device, want.wanted]));
    const held = await holdPod(throttle, cgroup, wanted, {
      isOurs: async (device) => (await volumeOf(device)) !== undefined,
      visit: async (folder) => (wants.length > 0 ? world.watch(folder) : undefined),
    });
    return wants.map((want) => findingOf(want, cgroup, held));
  } catch (error) {
    world.failed(error);
    return wants.map((want) => ({ ...shortfall(want, 'unexamined'), cgroup }));
  }
}

function findingOf(want: Want, cgroup: string, { devices, cgroups }: HeldPod): Finding {
  const held = devices.get(want.device) ?? { inForce: {}, wrote: false };
  return { ...want, ...held, cgroup, cgroups };
}

/** Where nothing is wanted, nothing is missing. */
function shortfall(want: Want, reason: Reason): Finding {
  return { ...want, inForce: {}, reason: isUnlimited(want.wanted) ? undefined : reason, wrote: false, cgroups: [] };
}
