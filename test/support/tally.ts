export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Tests that ran, without checks. */
  readonly tests: number;
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0, tests: 0 };

export function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    tests: a.tests + b.tests,
  };
}

interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Counts a JSON report of Vitest; a missing report, or a failed run without a failed test, is a failure too. */
export function countVitest(report: string | undefined, exitCode: number): Tally {
  let tally = nothing;
  for (const file of report === undefined ? [] : (JSON.parse(report) as VitestReport).testResults) {
    const statuses = file.assertionResults.map((result) => result.status);
    const passed = statuses.filter((status) => status === 'passed').length;
    const failed = statuses.filter((status) => status === 'failed').length;
    // A file also fails by its import or a hook: the last hook reports the faults of kernels.
    const fileFailed = file.status === 'failed' && failed === 0 ? 1 : 0;
    tally = add(tally, {
      passed,
      failed: failed + fileFailed,
      skipped: statuses.length - passed - failed,
      tests: passed + failed,
    });
  }
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}
