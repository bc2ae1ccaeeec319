import { controllerFamilies, nodeFamilies } from '../../src/metrics/fleet.ts';
import { callDuration, type Families } from '../../src/metrics/metrics.ts';
import { healthFamilies } from '../../src/features/health/metrics.ts';
import { groupSnapshotFamilies } from '../../src/features/group-snapshots/metrics.ts';
import { hungFamilies } from '../../src/features/hung/metrics.ts';
import { jobFamilies } from '../../src/features/jobs/metrics.ts';
import { orphanFamilies } from '../../src/features/orphans/metrics.ts';
import { qosFamilies, type QosSource } from '../../src/features/qos/metrics.ts';
import { createLvmMeter } from '../../src/metrics/commands.ts';
import { diskGauges, poolGauges } from '../../src/metrics/pools.ts';
import { buildFamilies, certificateFamilies } from '../../src/metrics/process.ts';
import { contentGauges } from '../../src/metrics/volumes.ts';
import { sentence, table } from './markdown.ts';

/** Describes metrics without collecting them: none of these sources is read. */
const never = (): never => {
  throw new Error('a description of metrics collects none');
};
const qos: QosSource = { list: never, table: { enforcements: [], counts: { driftRepaired: 0, failures: new Map() } } };

export const families: readonly Families[] = [
  buildFamilies('all'),
  certificateFamilies(undefined),
  createLvmMeter().families,
  { gauges: [...poolGauges(never), ...contentGauges(never), ...diskGauges(never)] },
  groupSnapshotFamilies(never),
  healthFamilies(never),
  hungFamilies(never),
  jobFamilies({ list: never }),
  nodeFamilies(never),
  controllerFamilies({ members: never } as unknown as Parameters<typeof controllerFamilies>[0], never),
  orphanFamilies({ volumes: never, snapshots: never }),
  qosFamilies(qos),
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
  const observed = families.flatMap(({ histograms = [] }) => histograms.map(({ configuration }) => configuration));
  const histograms = [callDuration, ...observed].map((each) => row('histogram')(each as Described));
  const rows = [...histograms, ...gauges, ...counters];
  return table(['Metric', 'Type', 'Labels', 'Meaning'], rows);
}
