/** The outcome of one spec of a csi-sanity run. */
export interface Spec {
  readonly name: string;
  readonly state: string;
  readonly failure: string;
}

/** The specs of ginkgo's JSON report, without its set-up nodes. */
export function readSpecs(json: string): Spec[] {
  const [suite] = JSON.parse(json) as { SpecReports: GinkgoSpec[] }[];
  return (suite?.SpecReports ?? [])
    .filter((spec) => spec.LeafNodeType === 'It')
    .map((spec) => ({
      name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(' › '),
      state: spec.State,
      failure: spec.Failure?.Message ?? '',
    }));
}

interface GinkgoSpec {
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly ContainerHierarchyTexts?: string[];
  readonly State: string;
  readonly Failure?: { readonly Message: string };
}

/** Capabilities that Quarry lacks, and the specs that need them: no other spec may skip. */
const lacking: readonly (readonly [string, RegExp])[] = [
  ['PUBLISH_UNPUBLISH_VOLUME', /› Controller(?:Publish|Unpublish)Volume ›|\[Controller Server\] › volume lifecycle ›/],
];

/** Why a spec is skipped: the capability that is missing. */
export function missingCapability(spec: Spec): string | undefined {
  return lacking.find(([, pattern]) => pattern.test(spec.name))?.[0];
}
