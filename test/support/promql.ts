/** A metric in an expression, with the labels that the expression uses of it. */
export interface UsedMetric {
  /** Without the suffix of a series of a histogram. */
  readonly name: string;
  readonly labels: readonly string[];
}

/** The metrics of Quarry in an expression of PromQL; `by` and `on` count for each of them. */
export function metricsIn(expression: string): UsedMetric[] {
  const grouped = [...expression.matchAll(/\b(?:by|on|without)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
  return [...expression.matchAll(/\b(quarry_\w+)(?:\{([^}]*)\})?/g)].map(([, series = '', matchers = '']) => {
    const histogram = /^(.*_seconds)_(?:bucket|count|sum)$/.exec(series)?.[1];
    const matched = [...matchers.matchAll(/(\w+)\s*[!=]/g)].map(([, label = '']) => label);
    const labels = new Set([...grouped, ...matched]);
    if (series.endsWith('_bucket')) labels.delete('le');
    return { name: histogram ?? series, labels: [...labels] };
  });
}
