import { openCluster } from '../../lab/kubernetes/cluster.ts';
import { prepareSuite } from '../../lab/kubernetes/suite.ts';
import { exitWithParent } from '../support/parent.ts';
import { performRun } from './perform.ts';
import { count, type Spec, summary } from './report.ts';
import { RUNS } from './runs.ts';

// `npm run test:e2e`: Kubernetes' own storage tests for a driver, in the lab's cluster. Arguments restrict it: names of runs, and
// regular expressions of specs' names (of the first run if none is named). The last line is for machines: N passed, N failed, N skipped.

const NODES = ['n1', 'n2'].map((name) => ({ name, memory: '2048M', disks: ['64G', '64G', '2G', '64G'] }));

/**
 * Each spec has its own class, and its pod exists before any node has reported the class's capacity. Without this gate, the
 * first node that reports gets the pod, and the same node gets them all.
 */
const SCHEDULER = ['--feature-gates=SchedulerPopFromBackoffQ=false'];

exitWithParent();
const words = process.argv.slice(2);
const named = RUNS.filter(({ name }) => words.includes(name));
const focus = words.filter((word) => !named.some(({ name }) => name === word));
const runs = named.length > 0 ? named : RUNS.slice(0, focus.length > 0 ? 1 : undefined);
const onText = (text: string): void => void process.stdout.write(text);
const specs: Spec[] = [];

console.log('starting Kubernetes …');
await using cluster = await openCluster(NODES, SCHEDULER);
await prepareSuite(cluster);
for (const run of runs) {
  console.log(`\n── ${run.name}`);
  await run.install(cluster);
  const its = await performRun(cluster, focus.length > 0 ? { ...run, focus } : run, { onText });
  console.log(['', ...summary(its)].join('\n'));
  specs.push(...its);
}
const [passed, failed, skipped] = (['passed', 'failed', 'skipped'] as const).map((outcome) => count(specs, outcome));
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 && passed !== 0 ? 0 : 1;
