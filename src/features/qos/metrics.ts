import type { CounterConfiguration, GaugeConfiguration } from 'prom-client';
import type { Rates, Use } from '../../domain/qos.ts';
import type { Families } from '../../metrics/metrics.ts';
import { ratesIn, type RateUnit, rateUnits } from '../../metrics/volumes.ts';

/** A volume and a pod, as the reconciler of limits knows them. */
interface QosSample {
  readonly volume: string;
  readonly pod?: string | undefined;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: string;
}

export interface QosSource {
  readonly table: {
    readonly enforcements: readonly QosSample[];
    readonly counts: { readonly driftRepaired: number; readonly failures: ReadonlyMap<string, number> };
  };
  list(): Promise<readonly (QosSample & { readonly use?: Use | undefined })[]>;
}

const states = ['enforced', 'pending', 'failed'] as const;

/** Limits, how they are enforced, and what pods use. */
export function qosFamilies(source: QosSource): Families {
  return { gauges: gauges(source), counters: counters(source) };
}

/** Gauges of the last reconciliation: operations or bytes a second. */
function gauges(source: QosSource): GaugeConfiguration<string>[] {
  return [
    ...rateUnits.flatMap((unit) => [
      rates(`quarry_qos_wanted_${unit}_per_second`, 'Limit that the pod should have', unit, source, 'wanted'),
      rates(`quarry_qos_in_force_${unit}_per_second`, 'Limit that the kernel shows', unit, source, 'inForce'),
    ]),
    {
      name: 'quarry_qos_state',
      help: '1 for the state that the limit of the volume and pod is in (enforced, pending or failed), 0 for the others',
      labelNames: ['volume', 'pod_uid', 'state'],
      collect() {
        this.reset();
        for (const { volume, pod = '', state } of source.table.enforcements) {
          for (const known of states) this.set({ volume, pod_uid: pod, state: known }, known === state ? 1 : 0);
        }
      },
    },
  ];
}

/** A rate without limit has no sample. */
function rates(
  name: string,
  help: string,
  unit: RateUnit,
  source: QosSource,
  which: 'wanted' | 'inForce',
): GaugeConfiguration<string> {
  return {
    name,
    help: `${help} for the volume, by direction: ${unit} a second; no sample: no limit`,
    labelNames: ['volume', 'pod_uid', 'direction'],
    collect() {
      this.reset();
      for (const { volume, pod = '', [which]: known } of source.table.enforcements) {
        for (const { direction, value } of ratesIn(unit, known)) this.set({ volume, pod_uid: pod, direction }, value);
      }
    },
  };
}

/** Use is read from the cgroups at each scrape, once for all counters. */
function counters(source: QosSource): CounterConfiguration<string>[] {
  const list = shared(() => source.list());
  return [
    {
      name: 'quarry_qos_drift_repaired_total',
      help: 'Limits that were in force, were found changed and were restored',
      collect() {
        this.reset();
        this.inc(source.table.counts.driftRepaired);
      },
    },
    {
      name: 'quarry_qos_failures_total',
      help: 'Reconciliations that left a limit out of force, by reason',
      labelNames: ['reason'],
      collect() {
        this.reset();
        for (const [reason, count] of source.table.counts.failures) this.inc({ reason }, count);
      },
    },
    used('quarry_qos_io_bytes_total', 'Bytes that the pod has moved', list, ['readBytes', 'writtenBytes']),
    used('quarry_qos_io_operations_total', 'Operations that the pod has done', list, ['reads', 'writes']),
  ];
}

/** Counters are collected at once: this reads the kernel once for all of them. */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => (reading ??= read().finally(() => (reading = undefined)));
}

/** The kernel counts: a new cgroup begins at 0, as a counter may. */
function used(
  name: string,
  help: string,
  list: QosSource['list'],
  [read, write]: readonly [keyof Use, keyof Use],
): CounterConfiguration<string> {
  return {
    name,
    help: `${help} on the volume, by direction, as the kernel counts them in the cgroup of the pod`,
    labelNames: ['volume', 'pod_uid', 'direction'],
    async collect() {
      const listed = await list();
      this.reset();
      for (const { volume, pod = '', use } of listed) {
        if (!use) continue;
        this.inc({ volume, pod_uid: pod, direction: 'read' }, Number(use[read]));
        this.inc({ volume, pod_uid: pod, direction: 'write' }, Number(use[write]));
      }
    },
  };
}
