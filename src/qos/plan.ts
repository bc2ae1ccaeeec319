import type { Rates } from '../domain/qos.ts';
import { type DeviceRates, isUnlimited, sameRates } from './rates.ts';

/**
 * What has to be written into a cgroup that has `actual`, so that it has `wanted`. Lines of `ours`, the devices of our volumes,
 * that are not wanted are taken away; those of any other device are nobody's business here.
 */
export function plan(wanted: DeviceRates, actual: DeviceRates, ours: ReadonlySet<string>): Map<string, Rates> {
  const writes = new Map<string, Rates>();
  for (const [device, rates] of wanted) {
    if (!sameRates(rates, actual.get(device) ?? {})) writes.set(device, rates);
  }
  for (const [device, rates] of actual) {
    if (ours.has(device) && !wanted.has(device) && !isUnlimited(rates)) writes.set(device, {});
  }
  return writes;
}
