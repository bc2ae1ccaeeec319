import { parser } from '@prometheus-io/lezer-promql';

type Node = ReturnType<typeof parser.parse>['topNode'];

/** A metric in an expression, with the labels that the expression uses of it. */
export interface UsedMetric {
  /** Without the suffix of a series of a histogram. */
  readonly name: string;
  readonly labels: readonly string[];
}

/** What an expression asks for and does not get, and the labels of its result. */
interface Examined {
  readonly problems: readonly string[];
  readonly kept: ReadonlySet<string>;
}

/** The labels of a metric, by the name without the suffix of a histogram; `undefined`: there is none. */
export type LabelsOf = (metric: string) => readonly string[] | undefined;

/** The metrics of an expression; labels that it groups or matches by count for each of them. */
export function metricsIn(expression: string): UsedMetric[] {
  const root = parser.parse(expression).topNode;
  const grouped = all(root, 'GroupingLabels').flatMap((list) => labelNames(list, expression));
  return all(root, 'VectorSelector').map((selector) => {
    const { name, bucket } = seriesOf(selector, expression);
    const labels = new Set([...grouped, ...matched(selector, expression)]);
    if (bucket) labels.delete('le');
    return { name, labels: [...labels] };
  });
}

/** Follows the labels of each metric to the result, as Prometheus does. */
export function examine(expression: string, labelsOf: LabelsOf): Examined {
  const root = parser.parse(expression).topNode;
  const problems = all(root, '⚠').map((error) => `no PromQL at character ${error.from}`);
  if (problems.length > 0) return { problems, kept: new Set() };
  const text = (node: Node): string => expression.slice(node.from, node.to);
  const lack = (needed: readonly string[], given: ReadonlySet<string>, where: Node): void => {
    for (const label of needed) if (!given.has(label)) problems.push(`${label} in ${text(where)}`);
  };
  const visit = (node: Node): ReadonlySet<string> => (visitors[node.name] ?? throughFirst)(node);
  const throughFirst = (node: Node): ReadonlySet<string> => {
    const [first, ...rest] = operands(node).map(visit);
    return rest.reduce((known, more) => (more.size > 0 ? more : known), first ?? new Set<string>());
  };
  const visitors: Readonly<Record<string, (node: Node) => ReadonlySet<string>>> = {
    VectorSelector(node) {
      const { name, bucket } = seriesOf(node, expression);
      const labels = labelsOf(name);
      if (!labels) problems.push(name);
      const known = new Set([...(labels ?? []), ...(bucket ? ['le'] : [])]);
      if (labels) lack(matched(node, expression), known, node);
      return known;
    },
    AggregateExpr(node) {
      const inner = throughFirst(node);
      const modifier = node.getChild('AggregateModifier');
      if (!modifier) return new Set();
      const labels = labelNames(modifier, expression);
      lack(labels, inner, node);
      return modifier.getChild('By') ? new Set(labels) : new Set([...inner].filter((label) => !labels.includes(label)));
    },
    FunctionCall(node) {
      problems.push(...wrongArguments(node, expression));
      const inner = throughFirst(node);
      if (!text(node).startsWith('histogram_quantile')) return inner;
      lack(['le'], inner, node);
      return new Set([...inner].filter((label) => label !== 'le'));
    },
    BinaryExpr(node) {
      const [left = new Set<string>(), right = new Set<string>()] = operands(node).map(visit);
      const clause = node.getChild('MatchingModifierClause');
      const [matching = [], added = []] =
        clause?.getChildren('GroupingLabels').map((list) => labelNames(list, expression)) ?? [];
      lack(matching, left, node);
      lack([...matching, ...added], right, node);
      if (clause?.getChild('On') && !clause.getChild('GroupLeft')) return new Set(matching);
      return new Set([...(left.size > 0 ? left : right), ...added]);
    },
  };
  const kept = visit(root);
  return { problems, kept };
}

const overRanges = /^(?:rate|irate|increase|delta|idelta|deriv|changes|resets|predict_linear|\w+_over_time)$/;
const ofCounters = /^(?:rate|irate|increase)$/;

/** A function over a range is given one, and only these are; those of counters are given a counter. */
function wrongArguments(node: Node, expression: string): string[] {
  const called = node.getChild('FunctionIdentifier');
  const name = called ? expression.slice(called.from, called.to) : '';
  const ranges = operands(node).filter((one) => /^(?:MatrixSelector|SubqueryExpr)$/.test(bare(one).name));
  if (overRanges.test(name) !== ranges.length > 0) return [`the argument of ${name}`];
  if (!ofCounters.test(name)) return [];
  const series = ranges.flatMap((range) => all(range, 'Identifier')).map(({ from, to }) => expression.slice(from, to));
  return series
    .filter((each) => !/_(?:total|count|sum|bucket)$/.test(each))
    .map((each) => `${name} of ${each}, which is no counter`);
}

/** Without what only moves it in time. */
function bare(node: Node): Node {
  const inner = /^(?:OffsetExpr|StepInvariantExpr|ParenExpr)$/.test(node.name) ? node.firstChild : undefined;
  return inner ? bare(inner) : node;
}

function seriesOf(selector: Node, expression: string): { readonly name: string; readonly bucket: boolean } {
  const identifier = selector.getChild('Identifier');
  const series = identifier ? expression.slice(identifier.from, identifier.to) : '';
  return { name: series.replace(/(?<=_seconds)_(?:bucket|count|sum)$/, ''), bucket: series.endsWith('_bucket') };
}

function matched(selector: Node, expression: string): string[] {
  return selector.getChildren('LabelMatchers').flatMap((list) => labelNames(list, expression));
}

function labelNames(node: Node, expression: string): string[] {
  return all(node, 'LabelName').map(({ from, to }) => expression.slice(from, to));
}

const valued = /^(?!.*Duration).*(?:Selector|Expr|Call)$/;

/** The parts of a node that have values: of a call, its arguments. */
function operands(node: Node): Node[] {
  return children(node).flatMap((child) => {
    if (child.name === 'FunctionCallBody') return children(child);
    return valued.test(child.name) ? [child] : [];
  });
}

function children(node: Node): Node[] {
  const found: Node[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) found.push(child);
  return found;
}

/** All below a node that have the name, in their order. */
function all(node: Node, name: string): Node[] {
  return children(node).flatMap((child) => (child.name === name ? [child] : []).concat(all(child, name)));
}
