/** The outcome of one spec of Kubernetes' own tests. */
export interface Spec {
  /** The group of tests that it belongs to, as `provisioning`. */
  readonly suite: string;
  /** The kind of volume, as `Dynamic PV (ext4)`, and the test's own name. */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly reason: string;
  readonly seconds: number;
}

/** Specs that a run leaves out: they count as skipped. */
export interface LeftOut {
  /** A regular expression. */
  readonly pattern: string;
  readonly why: string;
}

interface GinkgoSpec {
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts?: readonly string[];
  readonly State: string;
  /** Nanoseconds. */
  readonly RunTime: number;
  readonly Failure?: { readonly Message: string };
}

/**
 * The selected specs of ginkgo's JSON report, and those left out: it lists all others as skipped, without a
 * reason. A failure before or after all specs counts as a failed spec.
 */
export function readSpecs(json: string, leftOut: readonly LeftOut[] = []): Spec[] {
  const [suite] = JSON.parse(json) as { SuiteSucceeded: boolean; SpecReports?: readonly GinkgoSpec[] }[];
  const specs = (suite?.SpecReports ?? []).flatMap((spec) => readSpec(spec, leftOut));
  if (suite?.SuiteSucceeded === true || count(specs, 'failed') > 0) return specs;
  const reason = 'the suite failed, though none of its specs did';
  return [...specs, { suite: 'all', name: 'the suite', outcome: 'failed', reason, seconds: 0 }];
}

function readSpec(spec: GinkgoSpec, leftOut: readonly LeftOut[]): Spec[] {
  const text = [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' ');
  const [, pattern, suite = spec.LeafNodeType] = /\[Testpattern: (.*?)\](?: \[[^\]]*\])* (\S+)/.exec(text) ?? [];
  const about = {
    suite,
    name: [pattern, spec.LeafNodeText].filter(Boolean).join(': '),
    seconds: spec.RunTime / 1e9,
  };
  const reason = spec.Failure?.Message.split('\n')[0] ?? '';
  if (spec.State === 'passed') return spec.LeafNodeType === 'It' ? [{ ...about, outcome: 'passed', reason: '' }] : [];
  if (spec.State !== 'skipped') return [{ ...about, outcome: 'failed', reason: reason || spec.State }];
  if (reason !== '') return [{ ...about, outcome: 'skipped', reason }];
  const told = text.includes('External Storage')
    ? leftOut.find((each) => new RegExp(each.pattern).test(text))
    : undefined;
  return told === undefined ? [] : [{ ...about, outcome: 'skipped', reason: told.why }];
}

export function count(specs: readonly Spec[], outcome: Spec['outcome']): number {
  return specs.filter((spec) => spec.outcome === outcome).length;
}

/** Lines of text: the outcomes of each group of tests, each failure, and how often each reason to skip occurred. */
export function summary(specs: readonly Spec[]): string[] {
  const suites = Map.groupBy(specs, ({ suite }) => suite);
  const skips = Map.groupBy(
    specs.filter(({ outcome }) => outcome === 'skipped'),
    ({ suite, reason }) => `${suite}: ${reason}`,
  );
  const outcomes = ['passed', 'failed', 'skipped'] as const;
  return [
    ...[...suites].map(
      ([suite, its]) =>
        `${suite.padEnd(32)}${outcomes.map((each) => `${count(its, each)} ${each}`.padStart(13)).join('')}`,
    ),
    ...specs
      .filter(({ outcome }) => outcome === 'failed')
      .map((spec) => `failed: ${spec.suite}, ${spec.name}: ${spec.reason}`),
    ...[...skips].map(([reason, its]) => `skipped ${its.length} of ${reason}`).sort(),
  ];
}
