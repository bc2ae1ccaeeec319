import type { VolumeId } from '../domain/ids.ts';
import { rateKeys, type Rates } from '../domain/qos.ts';
import type { Log } from '../log.ts';
import type { PodUid } from './pod-names.ts';
import { sameRates } from './rates.ts';
import { type Reason, reasons } from './reasons.ts';
import type { Finding } from './round.ts';

/** `pending`: nothing is wrong, and something is still to come. */
export type HoldingState = 'enforced' | 'pending' | 'failed';

export interface Holding {
  readonly volume: VolumeId;
  readonly pod: PodUid | undefined;
  readonly target: string;
  readonly device: string;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: HoldingState;
  /** Present unless enforced. */
  readonly reason?: Reason | undefined;
  /** Milliseconds since the epoch at which this state, reason and wanted limit came to be. */
  readonly since: number;
  readonly cgroup?: string | undefined;
  readonly cgroups: readonly string[];
}

export interface Counts {
  /** Limits that were in force, were found otherwise and were put right. */
  driftRepaired: number;
  /** Rounds that left a limit in state `failed`, by reason. */
  readonly failures: Map<Reason, number>;
}

/** What is known of each volume and pod, from the last round and the times of the rounds before. In memory only. */
export interface HoldingTable {
  readonly holdings: readonly Holding[];
  readonly counts: Readonly<Counts>;
  update(findings: readonly Finding[]): void;
}

export function createHoldingTable(log: Log, now: () => number = Date.now): HoldingTable {
  let holdings: readonly Holding[] = [];
  const counts: Counts = { driftRepaired: 0, failures: new Map() };
  return {
    counts,
    get holdings() {
      return holdings;
    },
    update(findings) {
      const before = new Map(holdings.map((holding) => [keyOf(holding), holding]));
      holdings = findings.map((finding) => {
        const holding = toHolding(finding, now());
        const last = before.get(keyOf(holding));
        count(counts, finding, holding, last);
        if (last && isSame(last, holding)) return { ...holding, since: last.since };
        report(log, holding, last);
        return holding;
      });
    },
  };
}

function keyOf({ volume, pod, target }: Holding): string {
  return `${volume} ${pod ?? target}`;
}

function toHolding({ volume, pod, target, device, wanted, ...rest }: Finding, since: number): Holding {
  const { inForce, reason, cgroup, cgroups } = rest;
  const state = reason === undefined ? 'enforced' : reason === 'no-pod-cgroup' ? 'pending' : 'failed';
  return { volume: volume.id, pod, target, device, wanted, inForce, state, reason, since, cgroup, cgroups };
}

function isSame(a: Holding, b: Holding): boolean {
  return a.state === b.state && a.reason === b.reason && sameRates(a.wanted, b.wanted);
}

function count(counts: Counts, { wrote }: Finding, holding: Holding, last: Holding | undefined): void {
  const { state, reason } = holding;
  if (state === 'failed' && reason) counts.failures.set(reason, (counts.failures.get(reason) ?? 0) + 1);
  // Where the limit or the cgroups that share it are others than before, there is something to write by right.
  const drifted = wrote && last?.state === 'enforced' && isSame(last, holding) && sameCgroups(last, holding);
  if (drifted) counts.driftRepaired += 1;
}

function sameCgroups(a: Holding, b: Holding): boolean {
  return a.cgroups.join('\n') === b.cgroups.join('\n');
}

/** Each change once; a volume that never had a limit is not worth a line. */
function report(log: Log, holding: Holding, last: Holding | undefined): void {
  const { volume, pod, target, state, reason } = holding;
  const fields = { volume, ...(pod === undefined ? { target } : { pod }), wanted: printRates(holding.wanted) };
  if (reason === undefined) {
    if (last || printRates(holding.wanted) !== '') log.info(fields, 'limit in force');
    return;
  }
  const shortfall = { ...fields, inForce: printRates(holding.inForce), reason, remedy: reasons[reason] };
  if (state === 'failed') log.warn(shortfall, 'limit not in force');
  else log.info(shortfall, 'limit waits for the pod');
}

function printRates(rates: Rates): string {
  return rateKeys.flatMap((key) => (rates[key] === undefined ? [] : [`${key}=${rates[key]}`])).join(' ');
}
