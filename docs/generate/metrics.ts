import { controllerFamilies, nodeFamilies } from '../../src/metrics/fleet.ts';
import { callDuration, type Families } from '../../src/metrics/metrics.ts';
import { jobGauges } from '../../src/metrics/jobs.ts';
import { orphanFamilies } from '../../src/features/orphans/metrics.ts';
import { diskGauges, hungGauge, poolGauges } from '../../src/metrics/pools.ts';
import { qosCounters, qosGauges, type QosSource } from '../../src/metrics/qos.ts';
import { sentence, table } from './markdown.ts';

/** Families are described without being collected: none of these is asked for a figure. */
const never = (): never => {
  throw new Error('a description of metrics collects none');
};
const qos: QosSource = { list: never, table: { enforcements: [], counts: { driftRepaired: 0, failures: new Map() } } };

const families: readonly Families[] = [
  { gauges: [...poolGauges({ reported: false, current: never }), ...diskGauges(never), hungGauge({ list: never })] },
  { gauges: jobGauges({ list: never }) },
  nodeFamilies(never),
  controllerFamilies({ members: never } as unknown as Parameters<typeof controllerFamilies>[0], never),
  orphanFamilies({ latest: never }),
  { gauges: qosGauges(qos), counters: qosCounters(qos) },
];

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export function metricsTable(): string {
  const row = (type: string) => ({ name, help, labelNames = [] }: Described) => [
    `\`${name}\``,
    type,
    labelNames.map((label) => `\`${label}\``).join(', '),
    sentence(help),
  ];
  const gauges = families.flatMap(({ gauges: each = [] }) => each).map((each) => row('gauge')(each as Described));
  const counters = families.flatMap(({ counters: each = [] }) => each).map((each) => row('counter')(each as Described));
  const rows = [row('histogram')(callDuration), ...gauges, ...counters];
  return table(['Metric', 'Type', 'Labels', 'Meaning'], rows);
}
