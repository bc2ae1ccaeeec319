import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { CHART, helm } from '../../deploy/render.ts';
import { given } from '../support/chart.ts';
import { everything } from './values.ts';

/** Passed on to Kubernetes unchanged. */
const whole = new Set(['resources', 'updateStrategy', 'livenessProbe', 'readinessProbe', 'sidecarProbe', 'labels']);

/** Paths such as `controller.provisioner.image.tag` with their values; a mapping without keys, or with a list, is a leaf. */
function leaves(value: unknown, path: readonly string[] = []): [string, unknown][] {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  if (entries.length === 0 || whole.has(path.at(-1) ?? '')) return [[path.join('.'), value]];
  return entries.flatMap(([key, child]) => leaves(child, [...path, key]));
}

const values = leaves(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')));

test('every value is used, and every used value exists', () => {
  const templates = globSync('templates/**/*.{yaml,tpl,txt}', { cwd: CHART }).map((name) =>
    readFileSync(join(CHART, name), 'utf8'),
  );
  const used = new Set([...templates.join('\n').matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => path ?? ''));
  // An image is passed to a template as a whole.
  const isUsed = (path: string) => used.has(path) || used.has(path.replace(/\.\w+$/, ''));
  expect(values.map(([path]) => path).filter((path) => !isUsed(path))).toEqual([]);
  const exists = (path: string) => values.some(([known]) => `${known}.`.startsWith(`${path}.`));
  expect([...used].filter((path) => !exists(path))).toEqual([]);
});

test('every value is documented with its default', () => {
  const text = readFileSync(join(CHART, 'README.md'), 'utf8');
  const rows = [...text.matchAll(/^\| `([\w.]+)` \| `([^`]+)` \| [^|]+ \|$/gm)].map(([, path, value]) => [
    path,
    parse(value ?? '') as unknown,
  ]);
  expect(rows).toEqual(values);
});

test('every value is changed in the case that changes all of them', () => {
  const at = (path: string) =>
    path
      .split('.')
      .reduce<unknown>((found, key) => (found as Record<string, unknown> | undefined)?.[key], everything.values);
  const enabled = new Set(['networkPolicy.enabled', 'controller.serviceAccount.create', 'node.serviceAccount.create']);
  const same = values.filter(([path, value]) => [undefined, JSON.stringify(value)].includes(JSON.stringify(at(path))));
  expect(same.map(([path]) => path).filter((path) => !enabled.has(path) && path !== 'certificates.from')).toEqual([]);
});

const pool = { name: 'fast', volumeGroup: 'quarry-fast', type: 'thin' };

test.each([
  ['a key of a pool', { pools: [{ ...pool, dissk: {} }] }, "at '/pools/0': additional properties 'dissk' not allowed"],
  ['a key below a pool', { pools: [{ ...pool, disks: { path: '/dev/x' } }] }, "at '/pools/0/disks': "],
  [
    'a type of a pool',
    { pools: [{ ...pool, type: 'fat' }] },
    "at '/pools/0/type': value must be one of 'thin', 'thick'",
  ],
  ['a pool without its group', { pools: [{ name: 'fast', type: 'thin' }] }, "missing property 'volumeGroup'"],
  [
    'a key of a pool of a group of nodes',
    { nodeGroups: [{ name: 'big', nodeSelector: { a: 'b' }, pools: [{ ...pool, dissk: {} }] }] },
    "at '/nodeGroups/0/pools/0': additional properties 'dissk' not allowed",
  ],
  ['a bound of jobs', { node: { jobs: { totl: 3 } } }, "at '/node/jobs': additional properties 'totl' not allowed"],
  [
    'a group without labels',
    { nodeGroups: [{ name: 'big', nodeSelector: {}, pools: [] }] },
    '/nodeGroups/0/nodeSelector',
  ],
  [
    'a group with the name of all others',
    { nodeGroups: [{ name: 'default', nodeSelector: { a: 'b' }, pools: [] }] },
    '/0/name',
  ],
  ['a class without pool', { storageClasses: [{ name: 'fast', parameters: {} }] }, "missing property 'pool'"],
])('a mistake is refused at installation: %s', async (_, mistake, message) => {
  await expect(helm(['template', 'quarry', CHART, '--values', '-'], { ...given, ...mistake })).rejects.toThrow(message);
});
