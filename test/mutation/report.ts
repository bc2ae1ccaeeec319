import type { MutantName } from './mutants.ts';

/** One mutant of a sample, after its run. */
export interface Result {
  readonly name: MutantName;
  readonly lineNumber: number;
  /** `unproven`: the tests ran into a time limit, and do so without the mutant. */
  readonly outcome: 'killed' | 'hung' | 'survived' | 'uncovered' | 'equivalent' | 'unproven';
  readonly by?: string;
}

export interface Run {
  readonly seed: number;
  readonly date: string;
  /** The pattern of the source files. */
  readonly files: string;
  /** Mutants of the source, of which the sample is a part. */
  readonly mutants: number;
  readonly results: readonly Result[];
  readonly controls: number;
  readonly failedControls: readonly string[];
}

/** A count of mutants by outcome; `score` is the percentage that tests notice, of those that are neither equivalent nor unproven. */
export interface Score {
  readonly run: number;
  readonly killed: number;
  readonly hung: number;
  readonly survived: number;
  readonly uncovered: number;
  readonly equivalent: number;
  readonly unproven: number;
  readonly score: number;
}

export function scoreOf(results: readonly Result[]): Score {
  const count = (outcome: Result['outcome']): number => results.filter((result) => result.outcome === outcome).length;
  const [killed, hung, survived, uncovered] = [count('killed'), count('hung'), count('survived'), count('uncovered')];
  const run = killed + hung + survived + uncovered;
  const score = run === 0 ? 100 : Math.floor(((killed + hung) / run) * 1000) / 10;
  const apart = { equivalent: count('equivalent'), unproven: count('unproven') };
  return { run, killed, hung, survived, uncovered, ...apart, score };
}

/** The counts of a run, by the names that docs/explanation/proof.md shows. */
export function countsOf({ results, controls, failedControls }: Run): Readonly<Record<string, number>> {
  const { run, killed, hung, survived, uncovered, equivalent, unproven } = scoreOf(results);
  return {
    'mutants run': run,
    killed,
    'killed by hanging': hung,
    survived,
    'not run by any test': uncovered,
    equivalent,
    unproven,
    controls,
    'failed controls': failedControls.length,
  };
}

export function isAlive({ outcome }: Result): boolean {
  return outcome === 'survived' || outcome === 'uncovered';
}

const START = '<!-- made by npm run mutation -->';
const END = '<!-- end -->';

/** The page with the run's result between its two markers. Throws if it has none. */
export function writeResult(page: string, run: Run): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`the page needs the lines ${START} and ${END}`);
  return `${page.slice(0, start)}${START}\n\n${resultText(run)}\n${page.slice(end)}`;
}

function resultText({ seed, date, files, mutants, results, controls, failedControls }: Run): string {
  const alive = results.filter(isAlive);
  const lines = [
    `${date}, seed ${seed}: ${results.length} of ${mutants} mutants of \`${files}\`, chosen at random. ` +
      `${controls} controls (the same tests on the unchanged file): ${failedControls.length} failed.`,
    '',
    '| Folder | Run | Killed | By hanging | Survived | Not run by any test | Equivalent | Unproven | Score |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows(results),
    '',
  ];
  if (alive.length > 0) lines.push('Alive, each by its line, the text and its replacement:', '');
  for (const { name, lineNumber, outcome } of alive) {
    const uncovered = outcome === 'uncovered' ? ' (no test runs it)' : '';
    lines.push(`- \`${name.file}:${lineNumber}\` ${quote(name.from)} → ${quote(name.to)}${uncovered}`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function rows(results: readonly Result[]): readonly string[] {
  const byFolder = [...Map.groupBy(results, ({ name }) => name.file.split('/').slice(0, 2).join('/'))];
  byFolder.sort(([a], [b]) => (a < b ? -1 : 1));
  return [...byFolder, ['all', results] as const].map(([folder, some]) => {
    const { run, killed, hung, survived, uncovered, equivalent, unproven, score } = scoreOf(some);
    const counts = [run, killed, hung, survived, uncovered, equivalent, unproven];
    return `| ${folder} | ${counts.join(' | ')} | ${score.toFixed(1)} % |`;
  });
}

function quote(code: string): string {
  const fence = code.includes('`') ? '``' : '`';
  const space = fence.length > 1 ? ' ' : '';
  return code === '' ? 'nothing' : `${fence}${space}${code}${space}${fence}`;
}
