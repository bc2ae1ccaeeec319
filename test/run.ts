import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { add, countVitest, nothing, type Tally } from './support/tally.ts';
import { exitWithParent } from './support/parent.ts';

// `npm test`: every check and every kind of test, to the end even if one fails, then the totals. The last line is for
// machines: N passed, N failed, N skipped. `npm test -- cluster` continues with the tests on Kubernetes, which takes a quarter
// of an hour to build once.

const ROOT = join(import.meta.dirname, '..');
const CHECKS = ['types', 'lint', 'dead', 'format'];
/** One run of Vitest. Its projects run together, which takes less time than one after the other. */
interface Tests {
  readonly projects: readonly string[];
  /** Only files whose path has one of these words. */
  readonly files?: readonly string[] | undefined;
  /** Files at once; without it, what each project says. */
  readonly workers?: number;
}

/**
 * While the tests on Kubernetes wait for it, half of two processors is idle: the lab's tests run meanwhile, one file at a time. These run before, two at a
 * time: the longest ones, and those whose disks hang or fail.
 */
const beforeKubernetes = [
  'crash',
  'driver',
  'faults',
  'fleet',
  'fullness',
  'group-snapshots',
  'hang',
  'hostile',
  'pools',
  'replay',
  'storm',
  'stuck-disk',
];
const BEFORE_LAB: readonly Tests[] = ['unit', 'fuzz', 'deploy', 'browser', 'scale'].map((name) => ({
  projects: [name],
}));
const LAB = { projects: ['lab', 'sanity'] };
const RATES = { projects: ['rates'] };
const KUBERNETES = { projects: ['cluster'] };

interface Outcome extends Tally {
  readonly name: string;
  readonly seconds: number;
}

exitWithParent();
const [addition, ...more] = process.argv.slice(2);
const withKubernetes = addition === 'cluster';
if ((addition !== undefined && !withKubernetes) || more.length > 0) throw new Error('usage: npm test [-- cluster]');
const running = new Set<ChildProcess>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(1);
  });
}

const outcomes: Outcome[] = [];
for (const check of CHECKS) outcomes.push(await measure(`check:${check}`, () => runCheck(check)));
outcomes.push(await measure('setup:browser', () => setUp('browser')));
for (const tests of BEFORE_LAB) outcomes.push(await runTests(tests));
const first = withKubernetes ? beforeKubernetes.map((name) => `lab/${name}.test.ts`) : undefined;
outcomes.push(await runTests({ ...LAB, files: first }), await runTests(RATES));
if (withKubernetes) {
  outcomes.push(await measure('setup:cluster', () => setUp('cluster', 'suite')));
  const meanwhile = { ...LAB, files: await filesOf(LAB.projects, first), workers: 1 };
  outcomes.push(...(await Promise.all([runTests(KUBERNETES), runTests(meanwhile)])));
}
report(outcomes);

async function measure(name: string, step: () => Promise<Tally>): Promise<Outcome> {
  console.log(`\n── ${name}`);
  const start = performance.now();
  const tally = await step();
  return { name, ...tally, seconds: (performance.now() - start) / 1000 };
}

async function runCheck(name: string): Promise<Tally> {
  const code = await run(['npm', 'run', '--silent', `check:${name}`]);
  console.log(code === 0 ? 'passed' : `failed with exit code ${code}`);
  return code === 0 ? { ...nothing, passed: 1 } : { ...nothing, failed: 1, failures: [`npm run check:${name}`] };
}

/** Not a test: it counts only if it fails. */
async function setUp(...stages: readonly string[]): Promise<Tally> {
  const code = await run(['npm', 'run', '--silent', 'setup', '--', ...stages]);
  return code === 0 ? nothing : { ...nothing, failed: 1, failures: [`npm run setup -- ${stages.join(' ')}`] };
}

/** The test files of the projects, without these. */
async function filesOf(projects: readonly string[], without: readonly string[] = []): Promise<string[]> {
  const folders = await Promise.all(
    projects.map(async (project) =>
      (await readdir(join(import.meta.dirname, project))).map((file) => `${project}/${file}`),
    ),
  );
  return folders.flat().filter((file) => file.endsWith('.test.ts') && !without.includes(file));
}

function runTests(tests: Tests): Promise<Outcome> {
  return measure(`test:${tests.projects.join('+')}`, () => runVitest(tests));
}

async function runVitest({ projects, files = [], workers }: Tests): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-test-'));
  const file = join(folder, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const chosen = [...projects.flatMap((project) => ['--project', project]), ...files];
  const atOnce = workers === undefined ? [] : [`--maxWorkers=${workers}`];
  const code = await run([join(ROOT, 'node_modules/.bin/vitest'), 'run', ...chosen, ...atOnce, ...reporters]);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
  return countVitest(text, code);
}

async function run([file = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  running.add(child);
  const [code] = (await once(child, 'close')) as [number | null];
  running.delete(child);
  return code ?? 1;
}

function report(all: readonly Outcome[]): void {
  console.log('\n── summary');
  for (const { name, seconds, passed, failed, skipped } of all) {
    const columns = [name.padEnd(15), `${seconds.toFixed(1)} s`.padStart(8), `${passed} passed, ${failed} failed`];
    console.log(`${columns.join('  ')}${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  }
  if (!withKubernetes) console.log('\nNot run: the tests on Kubernetes. All of them together: npm test -- cluster');
  const total = all.reduce<Tally>(add, nothing);
  if (total.failures.length > 0) console.log(`\nFailed:\n  ${total.failures.join('\n  ')}`);
  process.exitCode = total.failed > 0 || total.tests === 0 ? 1 : 0;
  console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
}
