import type { Rates } from '../domain/qos.ts';
import { plan } from './plan.ts';
import { type DeviceRates, divide, sameRates, sumOfRates } from './rates.ts';
import type { Reason } from './reasons.ts';
import type { Throttle, Visit } from './throttle.ts';

/** What came of holding a pod to the limit of one device. */
export interface Held {
  readonly inForce: Rates;
  /** Absent: what is in force is what is wanted. */
  readonly reason?: Reason | undefined;
  /** Something had to be written. */
  readonly wrote: boolean;
}

export interface HeldPod {
  /** By device: those that are wanted, and those of ours that had to be cleared. */
  readonly devices: ReadonlyMap<string, Held>;
  /** The cgroups that bear the limits. */
  readonly cgroups: readonly string[];
}

type IsOurs = (device: string) => Promise<boolean>;

export interface HoldOptions {
  readonly isOurs: IsOurs;
  /** Called with each cgroup of the pod before it is read. */
  readonly visit: Visit;
}

/** Leaves the pod with the limits that are wanted, and with none of ours beside; every write is read back. */
export async function holdPod(
  throttle: Throttle,
  pod: string,
  wanted: DeviceRates,
  { isOurs, visit }: HoldOptions,
): Promise<HeldPod> {
  const { bearing, others } = await throttle.places(pod, visit);
  const parts = new Map([...wanted].map(([device, rates]) => [device, divide(rates, bearing.length)]));
  const places: ReadonlyMap<string, Held>[] = [];
  for (const [index, cgroup] of bearing.entries()) {
    const share = new Map([...wanted].map(([device]) => [device, parts.get(device)?.[index] ?? {}]));
    places.push(await holdPlace(throttle, cgroup, share, isOurs));
  }
  for (const cgroup of others) places.push(await holdPlace(throttle, cgroup, new Map(), isOurs));
  const devices = new Set([...wanted.keys(), ...places.flatMap((place) => [...place.keys()])]);
  const merged = [...devices].map((device) => [device, merge(places, bearing.length, device)] as const);
  return { devices: new Map(merged), cgroups: bearing };
}

async function holdPlace(throttle: Throttle, cgroup: string, wanted: DeviceRates, isOurs: IsOurs) {
  const before = await throttle.read(cgroup);
  const ours = new Set<string>();
  for (const device of before.keys()) if (await isOurs(device)) ours.add(device);
  const writes = plan(wanted, before, ours);
  const refusals = new Map<string, Reason | undefined>();
  for (const [device, rates] of writes) refusals.set(device, await throttle.write(cgroup, device, rates));
  const after = writes.size === 0 ? before : await throttle.read(cgroup);
  const held = new Map<string, Held>();
  for (const device of new Set([...wanted.keys(), ...writes.keys()])) {
    const inForce = after.get(device) ?? {};
    const matches = sameRates(inForce, wanted.get(device) ?? {});
    const reason = matches ? undefined : (refusals.get(device) ?? 'not-read-back');
    held.set(device, { inForce, reason, wrote: writes.has(device) });
  }
  return held;
}

/** What the first `bearing` of the places allow together; a failure in any of them counts. */
function merge(places: readonly ReadonlyMap<string, Held>[], bearing: number, device: string): Held {
  const parts = places.map((place) => place.get(device));
  return {
    inForce: sumOfRates(parts.slice(0, bearing).map((part) => part?.inForce ?? {})),
    reason: parts.map((part) => part?.reason).find((reason) => reason !== undefined),
    wrote: parts.some((part) => part?.wrote === true),
  };
}
