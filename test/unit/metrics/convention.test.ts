import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { families } from '../../../docs/generate/metrics.ts';
import { callDuration, joinFamilies } from '../../../src/metrics/metrics.ts';

interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

const { gauges, counters, histograms } = joinFamilies(families);
const observed = [callDuration, ...histograms.map(({ configuration }) => configuration)];

/** What breaks Prometheus' conventions for names; `type` as in the exposition. */
function problemsOf(type: 'gauge' | 'counter' | 'histogram', { name, help, labelNames = [] }: Described): string[] {
  const problems = [
    [/^quarry_[a-z]+(_[a-z]+)*$/.test(name), 'is not quarry_ and words'],
    [name.endsWith('_total') === (type === 'counter'), '_total is for counters, and all of them'],
    [type !== 'histogram' || /_(seconds|bytes)$/.test(name), 'a histogram has a base unit'],
    [!/_(?:milli|micro|kilo|mega)\w*|_(?:ms|mib|gib|kb|percent|count|sum|bucket)\b/.test(name), 'no base unit'],
    [!name.endsWith('_info') || type === 'gauge', '_info is for gauges'],
    [!name.includes('timestamp') || name.endsWith('_timestamp_seconds'), 'a time is in seconds since 1970'],
    [labelNames.every((label) => /^[a-z]+(_[a-z]+)*$/.test(label)), 'a label is of lower-case words'],
    // Prometheus sets these for the target that it scrapes.
    [
      !labelNames.some((label) => ['pod', 'namespace', 'instance', 'job', 'container', 'le'].includes(label)),
      'a label of Prometheus',
    ],
    [help.length > 0, 'has no help'],
  ] as const;
  return problems.filter(([holds]) => !holds).map(([, problem]) => `${name}: ${problem}`);
}

test('every metric follows the conventions of names', () => {
  expect(problemsOf('gauge', { name: 'quarry_wait_ms', help: 'x', labelNames: ['pod'] })).toHaveLength(2);
  expect(problemsOf('counter', { name: 'quarry_failures', help: '' })).toHaveLength(2);
  const all = [
    ...gauges.flatMap((each) => problemsOf('gauge', each as Described)),
    ...counters.flatMap((each) => problemsOf('counter', each as Described)),
    ...observed.flatMap((each) => problemsOf('histogram', each as Described)),
  ];
  expect(all).toEqual([]);
});

test('the page of metrics says how many values each label can have', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/reference/metrics.md'), 'utf8');
  const section = page.slice(page.indexOf('### How many series'), page.indexOf('## Alerts'));
  const bounded = new Set([...section.matchAll(/`(\w+)`/g)].map(([, label]) => label));
  const labels = new Set([...gauges, ...counters, ...observed].flatMap((each) => (each as Described).labelNames ?? []));
  expect([...labels].filter((label) => !bounded.has(label))).toEqual([]);
});
