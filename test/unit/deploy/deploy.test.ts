import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseVolumeId } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import { parseQosChange } from '../../../src/domain/qos-parameters.ts';

const deploy = join(import.meta.dirname, '../../../deploy');
const chart = join(deploy, 'helm/quarry');
const driver = 'lvm.quarry.csi';

/** Paths such as `controller.provisioner.image`; a mapping without keys, or with a list, is a leaf. */
function leaves(value: unknown, path = ''): string[] {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  // What is handed on as it is: resources of a container.
  if (entries.length === 0 || path.endsWith('.resources')) return [path.slice(1)];
  return entries.flatMap(([key, child]) => leaves(child, `${path}.${key}`));
}

test('every value of the chart is used, and every value that is used is there', () => {
  const values = leaves(parse(readFileSync(join(chart, 'values.yaml'), 'utf8')));
  const templates = readdirSync(join(chart, 'templates')).map((name) =>
    readFileSync(join(chart, 'templates', name), 'utf8'),
  );
  const used = new Set([...templates.join('\n').matchAll(/\.Values\.([\w.]+)/g)].map(([, path]) => path ?? ''));
  expect([...used].toSorted()).toEqual(values.toSorted());
});

test('the schema knows the values that are there, and no others', () => {
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as {
    properties: Record<string, { properties?: Record<string, unknown> }>;
  };
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, object>;
  const { global: _, ...known } = schema.properties;
  expect(Object.keys(known).toSorted()).toEqual(Object.keys(values).toSorted());
  for (const [name, { properties }] of Object.entries(known)) {
    if (properties) expect(Object.keys(properties).toSorted()).toEqual(Object.keys(values[name] ?? {}).toSorted());
  }
});

interface Example {
  readonly kind: string;
  readonly provisioner?: string;
  readonly driverName?: string;
  readonly parameters?: Record<string, string>;
  readonly spec?: { readonly csi?: { readonly driver: string; readonly volumeHandle: string } };
}

function examples(): Example[] {
  const folder = join(deploy, 'examples');
  return readdirSync(folder).flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Example;
    }),
  );
}

test('the parameters of the examples are such as the driver takes', () => {
  const kinds = new Set<string>();
  for (const { kind, provisioner, driverName, parameters = {}, spec } of examples()) {
    kinds.add(kind);
    if (kind === 'StorageClass') {
      expect(provisioner).toBe(driver);
      const ours = Object.entries(parameters).filter(([key]) => !key.startsWith('csi.storage.k8s.io/'));
      expect(parseParameters(Object.fromEntries(ours))).toBeDefined();
    }
    if (kind === 'VolumeAttributesClass') {
      expect(driverName).toBe(driver);
      expect(Object.keys(parseQosChange(parameters).limits)).toHaveLength(4);
    }
    if (kind === 'PersistentVolume') expect(parseVolumeId(spec?.csi?.volumeHandle ?? '')).toBeDefined();
  }
  expect([...kinds].toSorted()).toEqual(['PersistentVolume', 'Pod', 'StorageClass', 'VolumeAttributesClass']);
});
