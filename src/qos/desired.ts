import type { VolumeId } from '../domain/ids.ts';
import type { Rates } from '../domain/qos.ts';
import { limitsInUse } from '../domain/shares.ts';
import type { Inventory } from '../domain/storage.ts';
import type { Volume } from '../domain/volume.ts';
import { podOfTarget, type PodUid } from '../domain/pod-targets.ts';
import { asKept, divide } from './rates.ts';

/** A volume and a pod that it is published to. */
export interface Publication {
  readonly volume: Volume;
  /** `undefined`: the target path does not name a pod. */
  readonly pod: PodUid | undefined;
  readonly target: string;
  /** `major:minor` of the live device. */
  readonly device: string;
}

interface Mounted {
  readonly target: string;
  readonly device: string;
}

/** The volume that a device belongs to, at the top of its devices or below; `undefined` for a device that is not ours. */
export type VolumeOf = (device: string) => Promise<Volume | undefined>;

/**
 * Looks a device up by its device-mapper name, because device numbers change between boots and are reused. Answers are cached for
 * one reconciliation.
 */
export function createVolumeOf(
  volumes: Iterable<Volume>,
  mapperNamesOf: (volume: Volume) => readonly string[],
  mapperName: (device: string) => Promise<string | undefined>,
): VolumeOf {
  const byName = new Map(
    [...volumes].flatMap((volume) => mapperNamesOf(volume).map((name) => [name, volume] as const)),
  );
  const known = new Map<string, Promise<Volume | undefined>>();
  const look = async (device: string): Promise<Volume | undefined> => byName.get((await mapperName(device)) ?? '');
  return (device) => {
    const answer = known.get(device) ?? look(device);
    known.set(device, answer);
    return answer;
  };
}

/**
 * The publications that the mount table shows, one per volume and pod. `unknownTargets` are target paths that are not kubelet's:
 * the driver knows them only because it published them since it started.
 */
export async function findPublications(
  mounts: readonly Mounted[],
  unknownTargets: ReadonlyMap<string, VolumeId>,
  volumeOf: VolumeOf,
): Promise<Publication[]> {
  const found = new Map<string, Publication>();
  for (const { target, device } of mounts) {
    const pod = podOfTarget(target);
    if (pod === undefined && !unknownTargets.has(target)) continue;
    const volume = await volumeOf(device);
    if (volume) found.set(`${volume.id} ${pod ?? target}`, { volume, pod, target, device });
  }
  return [...found.values()];
}

export interface Desired extends Publication {
  /** The pod's share of the volume's limit. */
  readonly wanted: Rates;
}

/** Divides a volume's limit equally among its pods. The pods whose UIDs sort first get the remainder. */
export function desiredLimits(inventory: Inventory, publications: readonly Publication[]): Desired[] {
  const limits = limitsOf(inventory, new Set(publications.map(({ volume }) => volume.id)));
  const pods = Map.groupBy(publications, ({ volume }) => volume.id);
  return publications.map(({ volume, pod, target, device }) => {
    const sharers = (pods.get(volume.id) ?? []).flatMap((other) => other.pod ?? []).sort();
    return { volume, pod, target, device, wanted: asKept(partOf(limits.get(volume.id) ?? {}, sharers, pod)) };
  });
}

/** A pod we can't identify is shown the full limit. */
function partOf(limit: Rates, sharers: readonly PodUid[], pod: PodUid | undefined): Rates {
  if (pod === undefined) return limit;
  return divide(limit, sharers.length)[sharers.indexOf(pod)] ?? limit;
}

function limitsOf({ pools, volumes }: Inventory, published: ReadonlySet<VolumeId>): Map<VolumeId, Rates> {
  const all = [...volumes.values()];
  const limits = new Map<VolumeId, Rates>();
  for (const pool of pools.values()) {
    for (const [id, rates] of limitsInUse(pool, all, published)) limits.set(id, rates);
  }
  return limits;
}
