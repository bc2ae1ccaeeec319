import { relative } from 'node:path';

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Tests that ran, without checks. */
  readonly tests: number;
  /** The failed tests, each with its file and the first line of its error. */
  readonly failures: readonly string[];
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0, tests: 0, failures: [] };

export function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    tests: a.tests + b.tests,
    failures: [...a.failures, ...b.failures],
  };
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly AssertionResult[];
  }[];
}

interface AssertionResult {
  readonly status: string;
  readonly fullName: string;
  readonly failureMessages?: readonly string[];
}

/** Counts a JSON report of Vitest; a missing report, or a failed run without a failed test, is a failure too. */
export function countVitest(report: string | undefined, exitCode: number): Tally {
  let tally = nothing;
  for (const file of report === undefined ? [] : (JSON.parse(report) as VitestReport).testResults) {
    const passed = file.assertionResults.filter(({ status }) => status === 'passed').length;
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    const failures = failed.map((test) => `${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
    // A file also fails by its import or a hook: the last hook reports the faults of kernels.
    if (file.status === 'failed' && failed.length === 0) failures.push(firstLine(file.message));
    tally = add(tally, {
      passed,
      failed: failures.length,
      skipped: file.assertionResults.length - passed - failed.length,
      tests: passed + failed.length,
      failures: failures.map((failure) => `${relative(process.cwd(), file.name)}: ${failure}`),
    });
  }
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function firstLine(text = 'no message'): string {
  return text.split('\n', 1)[0] ?? '';
}
