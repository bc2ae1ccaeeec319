import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { inspect } from 'node:util';
import {
  type CliOptions,
  createVitest,
  type Reporter,
  type TestCase,
  type TestModule,
  type TestSpecification,
  type Vitest,
} from 'vitest/node';
import { recordHits } from './hits.ts';
import { applyMutant, type Mutant } from './mutants.ts';

export const ROOT = resolve(import.meta.dirname, '../..');

/** A test file, and which of its tests; without ids all of them. */
export interface Selection {
  readonly file: string;
  readonly testIds?: readonly string[];
}

/** What ran during one test, or in a test file outside its tests. */
export interface Hits {
  readonly file: string;
  readonly testId?: string;
  readonly milliseconds: number;
  readonly places: readonly string[];
}

const quietly = (): CliOptions => ({
  include: ['test/unit/**/*.test.ts'],
  root: ROOT,
  config: false,
  watch: false,
  silent: true,
  // It keeps transformed modules by the content of their files: the changed ones would stay for later runs of the tests.
  fsModuleCache: false,
  reporters: [{}],
});

/** Runs the unit tests that import `files` once, each test file with its own modules, and says which places each test ran. Throws if one fails. */
export async function recordUnitTests(files: readonly string[]): Promise<readonly Hits[]> {
  const record = {
    name: 'record-hits',
    enforce: 'pre',
    transform: (code: string, id: string) => {
      const file = relative(ROOT, id.split('?')[0] ?? id);
      return files.includes(file) ? { code: recordHits(file, code), map: null } : undefined;
    },
  } as const;
  const related = files.map((file) => join(ROOT, file));
  const setupFiles = [join(import.meta.dirname, 'setup.ts')];
  // Some tests depend on the load of the machine.
  const patience = { retry: 2, testTimeout: 60_000 };
  const options = { ...quietly(), ...patience, setupFiles, isolate: true, maxWorkers: 4, related };
  const vitest = await createVitest('test', options, { plugins: [record] });
  try {
    const { testModules, unhandledErrors } = await vitest.start();
    const failed = testModules.filter((module) => !module.ok()).map((module) => module.relativeModuleId);
    if (failed.length > 0 || unhandledErrors.length > 0) {
      throw new Error(
        `unit tests fail without a mutant: ${failed.join(', ')} ${unhandledErrors.map(String).join(' ')}`,
      );
    }
    return testModules.flatMap(hitsOf);
  } finally {
    await vitest.close();
  }
}

function hitsOf(module: TestModule): readonly Hits[] {
  const file = module.relativeModuleId;
  const tests = [...module.children.allTests('passed')].map((test) => ({
    file,
    testId: test.id,
    milliseconds: test.diagnostic()?.duration ?? 0,
    places: test.meta().hits ?? [],
  }));
  return [...tests, { file, milliseconds: 0, places: module.meta().hits ?? [] }];
}

/** Vitest kept warm, that runs some unit tests on one mutant after the other. */
export interface MutantTests {
  /** The first test that fails on a mutant; undefined if all pass. */
  run(mutant: Mutant, selections: readonly Selection[]): Promise<TestFailure | undefined>;
}

export interface TestFailure {
  readonly name: string;
  /** It ran into its time limit, which a busy machine may cause as well. */
  readonly late: boolean;
}

export async function startMutantTests(): Promise<MutantTests> {
  let current: { readonly path: string; readonly code: string } | undefined;
  const mutate = {
    name: 'mutate',
    enforce: 'pre',
    transform: (_: string, id: string) => (id === current?.path ? { code: current.code, map: null } : undefined),
  } as const;
  // The tests of a mutant that waits for ever end by the time limit.
  const limits = { bail: 1, testTimeout: 8000, hookTimeout: 8000, teardownTimeout: 1000 };
  const sequence = { sequencer: InGivenOrder };
  const outcome = new Outcome();
  const options = {
    ...quietly(),
    ...limits,
    sequence,
    reporters: [outcome],
    isolate: false,
    maxWorkers: 1,
    fileParallelism: false,
  };
  const vitest = await createVitest('test', options, { plugins: [mutate] });
  await vitest.standalone();
  return {
    async run(mutant, selections) {
      const path = join(ROOT, mutant.file);
      current = { path, code: applyMutant(readFileSync(path, 'utf8'), mutant) };
      vitest.invalidateFile(path);
      try {
        return await firstFailure(vitest, selections, outcome);
      } finally {
        current = undefined;
        vitest.invalidateFile(path);
      }
    },
  };
}

class InGivenOrder {
  shard = (files: TestSpecification[]): TestSpecification[] => files;
  sort = (files: TestSpecification[]): TestSpecification[] => files;
}

/** What the tests of one mutant did: Vitest's own result has the tests of earlier mutants too. */
class Outcome implements Reporter {
  failure: TestFailure | undefined;
  passed = 0;

  begin(): void {
    this.failure = undefined;
    this.passed = 0;
  }

  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state === 'passed') this.passed += 1;
    if (state === 'failed') {
      const late = errors.some(({ message }) => message.includes(' timed out in '));
      this.failure ??= { name: `${test.module.relativeModuleId} > ${test.fullName}`, late };
    }
  }

  onTestModuleEnd(module: TestModule): void {
    // Its hooks have time limits, too.
    if (module.state() === 'failed') this.failure ??= { name: module.relativeModuleId, late: true };
  }
}

async function firstFailure(
  vitest: Vitest,
  selections: readonly Selection[],
  outcome: Outcome,
): Promise<TestFailure | undefined> {
  const project = vitest.getRootProject();
  const specifications = selections.map(({ file, testIds }) =>
    project.createSpecification(join(ROOT, file), testIds === undefined ? undefined : { testIds: [...testIds] }),
  );
  outcome.begin();
  const { unhandledErrors } = await vitest.runTestSpecifications(specifications);
  if (outcome.failure !== undefined) return outcome.failure;
  if (unhandledErrors.length > 0)
    return { name: `an unhandled error: ${inspect(unhandledErrors[0], { depth: 0 })}`, late: false };
  if (outcome.passed === 0) throw new Error('no test ran');
  return undefined;
}
