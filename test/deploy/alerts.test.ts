import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHART } from '../../deploy/render.ts';
import { findObject, renderObjects } from '../support/chart.ts';

describe('the alert rules', () => {
  interface Rules {
    readonly spec: { readonly groups: readonly { readonly rules: readonly Readonly<Record<string, unknown>>[] }[] };
  }
  const rules = async () => {
    const rule = findObject(
      await renderObjects({ metrics: { prometheusRule: { enabled: true } } }),
      'PrometheusRule',
      'quarry',
    );
    return (rule as unknown as Rules).spec.groups.flatMap((group) => group.rules);
  };

  test('are made only where they are asked for, because they need the Prometheus Operator', async () => {
    expect((await renderObjects({})).filter(({ kind }) => kind === 'PrometheusRule')).toEqual([]);
    expect(await rules()).toMatchObject([
      { alert: 'QuarryJobKeepsFailing', for: '10m', labels: { severity: 'warning' } },
      { alert: 'QuarryVolumesInaccessible', for: '5m', labels: { severity: 'critical' } },
      { alert: 'QuarryStorageUnhealthy', for: '10m', labels: { severity: 'warning' } },
    ]);
  });

  test('ask for metrics and labels that Quarry has', async () => {
    const page = readFileSync(join(CHART, '../../../docs/reference/metrics.md'), 'utf8');
    for (const { expr, annotations } of await rules()) {
      const [metric = ''] = /quarry_\w+/.exec(String(expr)) ?? [];
      const [, labels = ''] = new RegExp(`^\\| \`${metric}\` \\| \\w+ \\| (.*?) \\|`, 'm').exec(page) ?? [];
      const known = [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label);
      const used = [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
      expect(known).toEqual(expect.arrayContaining(used.filter((label) => label !== 'instance')));
      expect(used).toContain(metric === 'quarry_job_failures' ? 'kind' : 'reason');
    }
  });
});
