import type { Rates } from '../domain/qos.ts';
import { type DeviceRates, divide, isUnlimited, sameRates, sumOfRates } from './rates.ts';
import type { Reason, Throttle, Visit } from './throttle.ts';

/** The limit of one device in a pod's cgroups after the write. */
export interface Applied {
  readonly inForce: Rates;
  /** Absent: the wanted limit is in force. */
  readonly reason?: Reason | undefined;
  /** The limit had to be written. */
  readonly wrote: boolean;
}

export interface AppliedPod {
  /** By device: those with a wanted limit, and those of ours whose limit was cleared. */
  readonly devices: ReadonlyMap<string, Applied>;
  /** The cgroups that get the limits. */
  readonly cgroups: readonly string[];
}

type IsOurs = (device: string) => Promise<boolean>;

export interface EnforceOptions {
  readonly isOurs: IsOurs;
  /** Called with each cgroup of the pod before it is read. */
  readonly visit: Visit;
}

/** Gives the pod the wanted limits and clears every other limit on our devices. Reads each write back. */
export async function enforcePod(
  throttle: Throttle,
  pod: string,
  wanted: DeviceRates,
  { isOurs, visit }: EnforceOptions,
): Promise<AppliedPod> {
  const { limited, others } = await throttle.places(pod, visit);
  const parts = new Map([...wanted].map(([device, rates]) => [device, divide(rates, limited.length)]));
  const places: ReadonlyMap<string, Applied>[] = [];
  for (const [index, cgroup] of limited.entries()) {
    const share = new Map([...wanted].map(([device]) => [device, parts.get(device)?.[index] ?? {}]));
    places.push(await enforceCgroup(throttle, cgroup, share, isOurs));
  }
  for (const cgroup of others) places.push(await enforceCgroup(throttle, cgroup, new Map(), isOurs));
  const devices = new Set([...wanted.keys(), ...places.flatMap((place) => [...place.keys()])]);
  const merged = [...devices].map((device) => [device, merge(places, limited.length, device)] as const);
  return { devices: new Map(merged), cgroups: limited };
}

async function enforceCgroup(throttle: Throttle, cgroup: string, wanted: DeviceRates, isOurs: IsOurs) {
  const before = await throttle.read(cgroup);
  const ours = new Set<string>();
  for (const device of before.keys()) if (await isOurs(device)) ours.add(device);
  const writes = planWrites(wanted, before, ours);
  const refusals = new Map<string, Reason | undefined>();
  for (const [device, rates] of writes) refusals.set(device, await throttle.write(cgroup, device, rates));
  const after = writes.size === 0 ? before : await throttle.read(cgroup);
  const applied = new Map<string, Applied>();
  for (const device of new Set([...wanted.keys(), ...writes.keys()])) {
    const inForce = after.get(device) ?? {};
    const matches = sameRates(inForce, wanted.get(device) ?? {});
    const reason = matches ? undefined : (refusals.get(device) ?? 'not-read-back');
    applied.set(device, { inForce, reason, wrote: writes.has(device) });
  }
  return applied;
}

/** Adds up the limits of the first `limited` places. A failure in any place counts for the device. */
function merge(places: readonly ReadonlyMap<string, Applied>[], limited: number, device: string): Applied {
  const parts = places.map((place) => place.get(device));
  return {
    inForce: sumOfRates(parts.slice(0, limited).map((part) => part?.inForce ?? {})),
    reason: parts.map((part) => part?.reason).find((reason) => reason !== undefined),
    wrote: parts.some((part) => part?.wrote === true),
  };
}

/**
 * The writes that turn `actual`, a cgroup's limits, into `wanted`. They clear unwanted limits on `ours`, the devices of our
 * volumes, and leave every other device alone.
 */
export function planWrites(wanted: DeviceRates, actual: DeviceRates, ours: ReadonlySet<string>): Map<string, Rates> {
  const writes = new Map<string, Rates>();
  for (const [device, rates] of wanted) {
    if (!sameRates(rates, actual.get(device) ?? {})) writes.set(device, rates);
  }
  for (const [device, rates] of actual) {
    if (ours.has(device) && !wanted.has(device) && !isUnlimited(rates)) writes.set(device, {});
  }
  return writes;
}
