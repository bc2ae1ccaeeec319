import type { VolumeId } from '../domain/ids.ts';
import type { Volume } from '../domain/volume.ts';
import { podOfTarget, type PodUid } from './pod-names.ts';

/** A volume that a pod may use. */
export interface Publication {
  readonly volume: Volume;
  /** `undefined`: the target does not say. */
  readonly pod: PodUid | undefined;
  readonly target: string;
  /** `major:minor`, of now. */
  readonly device: string;
}

interface Mounted {
  readonly target: string;
  readonly device: string;
}

/** The volume of ours that a device gives access to. */
export type VolumeOf = (device: string) => Promise<Volume | undefined>;

/**
 * Looks a device up by the name that device-mapper has for it: numbers change between boots, and are used again. Each answer
 * holds for one round.
 */
export function createVolumeOf(
  volumes: Iterable<Volume>,
  mapperNameOf: (volume: Volume) => string,
  mapperName: (device: string) => Promise<string | undefined>,
): VolumeOf {
  const byName = new Map([...volumes].map((volume) => [mapperNameOf(volume), volume]));
  const known = new Map<string, Promise<Volume | undefined>>();
  const look = async (device: string): Promise<Volume | undefined> => byName.get((await mapperName(device)) ?? '');
  return (device) => {
    const answer = known.get(device) ?? look(device);
    known.set(device, answer);
    return answer;
  };
}

/**
 * What the mounts say, each volume and pod once. `strangers`: targets that are no paths of a kubelet, known because they were
 * published since the driver started.
 */
export async function findPublications(
  mounts: readonly Mounted[],
  strangers: ReadonlyMap<string, VolumeId>,
  volumeOf: VolumeOf,
): Promise<Publication[]> {
  const found = new Map<string, Publication>();
  for (const { target, device } of mounts) {
    const pod = podOfTarget(target);
    if (pod === undefined && !strangers.has(target)) continue;
    const volume = await volumeOf(device);
    if (volume) found.set(`${volume.id} ${pod ?? target}`, { volume, pod, target, device });
  }
  return [...found.values()];
}
