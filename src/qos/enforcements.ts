import type { VolumeId } from '../domain/ids.ts';
import { rateKeys, type Rates } from '../domain/qos.ts';
import type { Log } from '../log.ts';
import type { PodUid } from '../domain/pod-targets.ts';
import { sameRates } from './rates.ts';
import { type Reason, reasons } from './throttle.ts';
import type { Finding } from './reconcile.ts';

/** `pending`: the pod's cgroup does not exist yet. */
export type EnforcementState = 'enforced' | 'pending' | 'failed';

/** Rates in operations or bytes a second; `device` as `major:minor`. */
export interface Enforcement {
  readonly volume: VolumeId;
  readonly pod: PodUid | undefined;
  readonly target: string;
  readonly device: string;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: EnforcementState;
  /** Present unless enforced. */
  readonly reason?: Reason | undefined;
  /** Milliseconds since the epoch since when this state, reason and wanted limit hold. */
  readonly since: number;
  readonly cgroup?: string | undefined;
  readonly cgroups: readonly string[];
}

export interface Counts {
  /** Limits that were in force, were changed by another program, and were repaired. */
  driftRepaired: number;
  /** Reconciliations that left a limit in state `failed`, by reason. */
  readonly failures: Map<Reason, number>;
}

/** The enforcement of each volume and pod since the last reconciliation. In memory only. */
export interface EnforcementTable {
  readonly enforcements: readonly Enforcement[];
  readonly counts: Readonly<Counts>;
  update(findings: readonly Finding[]): void;
}

export function createEnforcementTable(log: Log, now: () => number = Date.now): EnforcementTable {
  let enforcements: readonly Enforcement[] = [];
  const counts: Counts = { driftRepaired: 0, failures: new Map() };
  return {
    counts,
    get enforcements() {
      return enforcements;
    },
    update(findings) {
      const before = new Map(enforcements.map((enforcement) => [keyOf(enforcement), enforcement]));
      enforcements = findings.map((finding) => {
        const enforcement = toEnforcement(finding, now());
        const last = before.get(keyOf(enforcement));
        count(counts, finding, enforcement, last);
        if (last && isSame(last, enforcement)) return { ...enforcement, since: last.since };
        report(log, enforcement, last);
        return enforcement;
      });
    },
  };
}

function keyOf({ volume, pod, target }: Enforcement): string {
  return `${volume} ${pod ?? target}`;
}

function toEnforcement({ volume, pod, target, device, wanted, ...rest }: Finding, since: number): Enforcement {
  const { inForce, reason, cgroup, cgroups } = rest;
  const state = reason === undefined ? 'enforced' : reason === 'no-pod-cgroup' ? 'pending' : 'failed';
  return { volume: volume.id, pod, target, device, wanted, inForce, state, reason, since, cgroup, cgroups };
}

function isSame(a: Enforcement, b: Enforcement): boolean {
  return a.state === b.state && a.reason === b.reason && sameRates(a.wanted, b.wanted);
}

function count(counts: Counts, { wrote }: Finding, enforcement: Enforcement, last: Enforcement | undefined): void {
  const { state, reason } = enforcement;
  if (state === 'failed' && reason) counts.failures.set(reason, (counts.failures.get(reason) ?? 0) + 1);
  // A write is expected if the limit, or the set of cgroups that share it, has changed.
  const drifted = wrote && last?.state === 'enforced' && isSame(last, enforcement) && sameCgroups(last, enforcement);
  if (drifted) counts.driftRepaired += 1;
}

function sameCgroups(a: Enforcement, b: Enforcement): boolean {
  return a.cgroups.join('\n') === b.cgroups.join('\n');
}

/** Logs each change once. A volume that never had a limit gets no line. */
function report(log: Log, enforcement: Enforcement, last: Enforcement | undefined): void {
  const { volume, pod, target, state, reason } = enforcement;
  const fields = { volume, ...(pod === undefined ? { target } : { pod }), wanted: printRates(enforcement.wanted) };
  if (reason === undefined) {
    if (last || printRates(enforcement.wanted) !== '') log.info(fields, 'limit in force');
    return;
  }
  const shortfall = { ...fields, inForce: printRates(enforcement.inForce), reason, remedy: reasons[reason] };
  if (state === 'failed') log.warn(shortfall, 'limit not in force');
  else log.info(shortfall, 'limit waits for the pod');
}

function printRates(rates: Rates): string {
  return rateKeys.flatMap((key) => (rates[key] === undefined ? [] : [`${key}=${rates[key]}`])).join(' ');
}
