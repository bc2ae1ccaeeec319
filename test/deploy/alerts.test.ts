import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHART } from '../../deploy/render.ts';
import { findObject, renderObjects } from '../support/chart.ts';
import { examine, metricsIn } from '../support/promql.ts';
import { readDashboard, readRules } from '../support/queries.ts';

/** Labels that Prometheus adds to each series of a target. */
const ofTarget = ['namespace', 'pod', 'instance', 'job'];

/** Metric → its labels, from the page that is made from the code. */
const exported = new Map(
  [
    ...readFileSync(join(CHART, '../../../docs/reference/metrics.md'), 'utf8').matchAll(
      /^\| `(quarry_\w+)` \| \w+ \| (.*?) ?\|/gm,
    ),
  ].map(([, name = '', labels = '']) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)]),
);

/** What an expression asks for and Quarry does not export, and the labels that a text shows and the expression does not keep. */
function problemsOf(expression: string, shown: readonly string[] = []): string[] {
  const { problems, kept } = examine(expression, (metric) => {
    const labels = exported.get(metric);
    return labels && [...labels, ...ofTarget];
  });
  return [...problems, ...shown.filter((label) => !kept.has(label)).map((label) => `$${label}`)];
}

const faulty = {
  quarry_pool_redy: ['quarry_pool_redy'],
  'quarry_pool_ready{volume="x"} > 0': ['volume in quarry_pool_ready{volume="x"}'],
  'sum by (metod, le) (rate(quarry_csi_call_duration_seconds_bucket[5m]))': [
    'metod in sum by (metod, le) (rate(quarry_csi_call_duration_seconds_bucket[5m]))',
  ],
  'max by (reason) (max by (node) (quarry_volume_health))': [
    'reason in max by (reason) (max by (node) (quarry_volume_health))',
  ],
  'histogram_quantile(0.9, sum by (method) (rate(quarry_csi_call_duration_seconds_bucket[5m])))': [
    'le in histogram_quantile(0.9, sum by (method) (rate(quarry_csi_call_duration_seconds_bucket[5m])))',
  ],
  'max by (node) (quarry_pool_ready) * on (node, status) max by (node, status) (quarry_volume_health)': [
    expect.stringMatching(/^status in /),
  ],
  'mx(quarry_pool_ready)': [
    expect.stringMatching(/^no PromQL/),
    expect.stringMatching(/^no PromQL/),
    expect.stringMatching(/^no PromQL/),
  ],
  'rate(quarry_fleet_refused_total)': ['the argument of rate'],
  'abs(quarry_fleet_refused_total[5m])': ['the argument of abs'],
  'rate(quarry_pool_ready[5m])': ['rate of quarry_pool_ready, which is no counter'],
  'max by (node) (quarry_pool_ready{node="x")': [expect.stringMatching(/^no PromQL/)],
} as const;

test.each(Object.entries(faulty))('finds the fault of the query %s', (expression, problems) => {
  expect(problemsOf(expression)).toEqual(problems);
});

test('follows the labels of a query to its result', () => {
  const good = 'max by (node, pool) (quarry_pool_ready{namespace="x"})';
  expect(problemsOf(good, ['node'])).toEqual([]);
  expect(problemsOf(good, ['reason'])).toEqual(['$reason']);
  expect(
    problemsOf('sum without (code) (rate(quarry_csi_call_duration_seconds_count[5m]))', ['method', 'code']),
  ).toEqual(['$code']);
  expect(problemsOf('count(quarry_pool_ready == 0) or vector(0)', ['node'])).toEqual(['$node']);
  expect(
    problemsOf('quarry_pool_ready * on (node) group_left (version) quarry_build_info', ['pool', 'version']),
  ).toEqual([expect.stringMatching(/^node in/)]);
});

describe('the alert rules', () => {
  test('are made only where they are asked for, because they need the Prometheus Operator', async () => {
    expect((await renderObjects({})).filter(({ kind }) => kind === 'PrometheusRule')).toEqual([]);
    const rules = await readRules();
    expect(rules.map(({ alert, for: after, labels }) => [alert, after, labels['severity']])).toEqual([
      ['QuarryNodeDisconnected', '15m', 'warning'],
      ['QuarryCertificateExpires', '1h', 'warning'],
      ['QuarryPoolNotReady', '15m', 'warning'],
      ['QuarryThinPoolNearlyFull', '10m', 'critical'],
      ['QuarryThinMetadataNearlyFull', '10m', 'critical'],
      ['QuarryVolumesInaccessible', '5m', 'critical'],
      ['QuarryStorageUnhealthy', '10m', 'warning'],
      ['QuarryJobKeepsFailing', '10m', 'warning'],
    ]);
  });

  test('ask for metrics and labels that Quarry has, and their texts show labels that they keep', async () => {
    for (const { alert, expr, annotations } of await readRules()) {
      expect(metricsIn(expr)).not.toEqual([]);
      const shown = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      expect([alert, ...problemsOf(expr, shown)]).toEqual([alert]);
    }
  });

  test('are all on the page of metrics', async () => {
    const page = readFileSync(join(CHART, '../../../docs/reference/metrics.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(Quarry\w+)` \|/gm)].map(([, name]) => name);
    expect(rows).toEqual((await readRules()).map(({ alert }) => alert));
  });
});

describe('the dashboard', () => {
  test('asks for metrics and labels that Quarry has, and its legends show labels that the queries keep', () => {
    const targets = readDashboard().panels.flatMap((panel) => panel.targets.map((each) => ({ ...panel, ...each })));
    expect(targets.length).toBeGreaterThan(12);
    for (const { title, expr, legendFormat } of targets) {
      expect(metricsIn(expr)).not.toEqual([]);
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      expect([title, ...problemsOf(expr, shown)]).toEqual([title]);
    }
  });

  test('has panels with different ids that do not overlap and fit the width', () => {
    const { panels } = readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  });

  test('is a ConfigMap that the sidecar of Grafana finds, with an id for each release', async () => {
    const dashboardOf = async (namespaceOverride: string) => {
      const objects = await renderObjects({ namespaceOverride, metrics: { dashboard: { enabled: true } } });
      const { metadata, data } = findObject(objects, 'ConfigMap', 'quarry-dashboard');
      expect(metadata).toMatchObject({ labels: { grafana_dashboard: '1' } });
      return JSON.parse(data?.['quarry-dashboard.json'] ?? '') as ReturnType<typeof readDashboard>;
    };
    const [one, two] = [await dashboardOf('one'), await dashboardOf('two')];
    expect({ ...one, uid: '' }).toEqual({ ...readDashboard(), uid: '' });
    expect(one.uid).toMatch(/^[0-9a-f]{32}$/);
    expect(two.uid).not.toBe(one.uid);
  });
});
