import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Cluster } from '../../lab/kubernetes/cluster.ts';
import { runSuite, type SuiteOptions } from '../../lab/kubernetes/suite.ts';
import { readSpecs, type Spec } from './report.ts';
import type { Run } from './runs.ts';

/** A part of a run: the specs with some labels, `processes` at a time. */
type Phase = Pick<SuiteOptions, 'labels' | 'processes'>;

const DRIVER = join(import.meta.dirname, 'driver.yaml');
/**
 * Most specs of the second phase stop kubelet, which would fail the others: they run one at a time, at the end. The others mostly wait, but with more of
 * them at once, pods on nodes of one processor start too slowly for the suite's timeouts.
 */
const PHASES: readonly Phase[] = [
  { labels: '!Disruptive', processes: 8 },
  { labels: 'Disruptive', processes: 1 },
];
const MINUTES = 240;

/** Performs a run on a cluster where Quarry is installed for it. */
export async function performRun(
  cluster: Cluster,
  run: Omit<Run, 'install'>,
  { phases = PHASES, onText }: { phases?: readonly Phase[]; onText?: (text: string) => void } = {},
): Promise<Spec[]> {
  const driver = join(cluster.folder, `driver-${run.name}.json`);
  const description = parse(await readFile(DRIVER, 'utf8')) as object;
  await writeFile(driver, JSON.stringify({ ...description, StorageClass: { FromFile: run.storageClass } }));
  const { focus = [''], leftOut = [], processes: most = Infinity } = run;
  const skip = leftOut.map(({ pattern }) => pattern);
  const specs: Spec[] = [];
  for (const [index, phase] of phases.entries()) {
    const processes = Math.min(phase.processes, most);
    const options = { driver, focus, skip, ...phase, processes, minutes: MINUTES, ...(onText && { onText }) };
    specs.push(...readSpecs(await runSuite(cluster, options), index === 0 ? leftOut : []));
  }
  return specs;
}
