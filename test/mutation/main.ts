/**
 * `npm run mutation -- --seed N --minutes M`: changes the source in one place at a time, and runs the unit tests that run that
 * place. `--files GLOB` chooses the source files, `--page FILE` writes the result into a page, `--tally FILE` its counts. Exit code 1:
 * the unit tests fail without a change.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../storm/random.ts';
import { longRunOptions, wholeNumber, writeLongRun } from '../support/long-run.ts';
import { coverageOf } from './coverage.ts';
import { keyOf, readEquivalents } from './equivalents.ts';
import { findMutants, lineNumber, type Mutant, nameMutant } from './mutants.ts';
import { countsOf, isAlive, type Result, type Run, scoreOf, writeResult } from './report.ts';
import { supervise, type Verdict } from './supervisor.ts';
import { ROOT } from './unit-tests.ts';

const { values } = parseArgs({
  options: {
    ...longRunOptions(10),
    files: { type: 'string', default: 'src/{lvm,node,controller,qos,fleet,pools}/**/*.ts' },
    page: { type: 'string' },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);

const code = new Map(
  globSync(values.files, { cwd: ROOT }).map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]),
);
if (code.size === 0) throw new Error(`no file matches ${values.files}`);
const mutants = [...code].flatMap(([file, text]) => findMutants(file, text));
const equivalents = new Set(readEquivalents().map(keyOf));
console.log(`seed ${seed}: ${mutants.length} mutants of ${code.size} files`);

const supervisor = supervise();
try {
  const run = await runSample();
  for (const line of summary(run)) console.log(line);
  await writeLongRun(values.tally, {
    tool: 'mutation',
    seed,
    minutes,
    counts: countsOf(run),
    findings: run.failedControls,
  });
  if (values.page !== undefined) writeFileSync(values.page, writeResult(readFileSync(values.page, 'utf8'), run));
} finally {
  supervisor.stop();
}

async function runSample(): Promise<Run> {
  const covering = coverageOf(await supervisor.record([...code.keys()]));
  const until = Date.now() + minutes * 60_000;
  const results: Result[] = [];
  const failedControls: string[] = [];
  let controls = 0;
  for (const mutant of shuffle(mutants)) {
    if (Date.now() > until) break;
    const text = textOf(mutant);
    const name = nameMutant(mutant, text);
    const place = { name, lineNumber: lineNumber(text, mutant.start) };
    const { selections, milliseconds } = covering(mutant, text);
    const limit = Math.ceil(20_000 + milliseconds * 4);
    const runTests = (replacement: string) => supervisor.run({ ...mutant, text: replacement }, selections, limit);
    const runUnchanged = () => runTests(text.slice(mutant.start, mutant.end));
    let result: Result;
    if (equivalents.has(keyOf(name))) result = { ...place, outcome: 'equivalent' };
    else if (selections.length === 0) result = { ...place, outcome: 'uncovered' };
    else result = { ...place, ...(await provenVerdict(await runTests(mutant.text), runUnchanged)) };
    results.push(result);
    console.log(
      `${result.outcome} ${mutant.kind} ${name.file}:${place.lineNumber} ${name.from} → ${name.to} ${result.by ?? ''}`,
    );
    if (results.length % 20 !== 0 || selections.length === 0) continue;
    controls += 1;
    const control = await runUnchanged();
    if (control.outcome !== 'survived')
      failedControls.push(
        `without a mutant of ${name.file} fails ${control.outcome === 'killed' ? control.by : 'a test, by hanging'}`,
      );
  }
  return {
    seed,
    files: values.files,
    date: new Date().toISOString().slice(0, 10),
    mutants: mutants.length,
    results,
    controls,
    failedControls,
  };
}

/** A kill by a time limit counts only if the same tests pass in time without the mutant: a busy machine is slow, too. */
async function provenVerdict(
  verdict: Verdict,
  runUnchanged: () => Promise<Verdict>,
): Promise<Pick<Result, 'outcome' | 'by'>> {
  const late = verdict.outcome === 'hung' || (verdict.outcome === 'killed' && verdict.late);
  if (!late || (await runUnchanged()).outcome === 'survived') return verdict;
  return { ...verdict, outcome: 'unproven' };
}

function summary(run: Run): readonly string[] {
  return [
    ...run.results.filter(isAlive).map(({ name, lineNumber: line }) => `alive ${line} ${JSON.stringify(name)}`),
    ...run.failedControls,
    Object.entries(countsOf(run))
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
    `${scoreOf(run.results).score.toFixed(1)} %`,
  ];
}

function shuffle(list: readonly Mutant[]): readonly Mutant[] {
  const random = createRandom(seed, 0);
  const shuffled = [...list];
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other] as Mutant, shuffled[last] as Mutant];
  }
  return shuffled;
}

function textOf({ file }: Mutant): string {
  return code.get(file) ?? '';
}
