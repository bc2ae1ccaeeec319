import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHART } from '../../deploy/render.ts';
import { findObject, renderObjects } from './chart.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>;
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
}

/** The alert rules of the chart. */
export async function readRules(): Promise<readonly Rule[]> {
  const objects = await renderObjects({ metrics: { prometheusRule: { enabled: true } } });
  const { spec } = findObject(objects, 'PrometheusRule', 'quarry');
  const { groups } = spec as unknown as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

export function readDashboard(): Dashboard {
  return JSON.parse(readFileSync(join(CHART, 'files/dashboard.json'), 'utf8')) as Dashboard;
}
