import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';
import { parseConfig } from '../../src/config/config.ts';
import { parseVolumeId } from '../../src/domain/ids.ts';
import { layoutFor, parseParameters } from '../../src/domain/parameters.ts';
import { parseQosChange } from '../../src/domain/qos-parameters.ts';
import { type ApiSchema, type KubeObject, loadApiSchemas } from '../support/api-schema.ts';

const folder = dirname(EXAMPLE_VALUES);
const driver = 'lvm.quarry.csi';

interface Claim {
  readonly storageClassName?: string;
  readonly volumeAttributesClassName?: string;
}

interface Example extends KubeObject {
  readonly provisioner?: string;
  readonly driverName?: string;
  readonly parameters?: Record<string, string>;
  readonly spec?: Claim & {
    readonly serviceName?: string;
    readonly csi?: { readonly driver: string; readonly volumeHandle: string };
    readonly volumeClaimTemplates?: readonly { readonly spec: Claim }[];
    readonly volumes?: readonly { readonly ephemeral?: { readonly volumeClaimTemplate: { readonly spec: Claim } } }[];
  };
}

const files = readdirSync(folder).filter((name) => name !== 'values.yaml');
const examples = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    for (const error of document.errors) throw error;
    return { file, object: document.toJS() as Example };
  }),
);
const ofKind = (kind: string) => examples.map(({ object }) => object).filter((object) => object.kind === kind);
const namesOf = (kind: string) => ofKind(kind).map(({ metadata }) => metadata.name);

const { pools } = parseConfig(
  JSON.stringify({ pools: (parse(readFileSync(EXAMPLE_VALUES, 'utf8')) as { pools: unknown }).pools }),
  { hostname: 'node-1' },
  'all',
);

describe('each object of the examples', () => {
  let schemas: ApiSchema[];
  beforeAll(() => {
    schemas = loadApiSchemas();
  });

  test.each(examples.map(({ file, object }) => [file, object.kind, object.metadata.name, object] as const))(
    '%s: %s %s is valid for every supported Kubernetes',
    (_file, _kind, _name, object) => {
      for (const { version, problemsOf } of schemas) {
        expect({ version, problems: problemsOf(object) }).toEqual({ version, problems: [] });
      }
    },
  );
});

test('has a class of each kind, and each suits its pool', () => {
  expect(namesOf('StorageClass')).toEqual([
    'quarry-thin',
    'quarry-thick',
    'quarry-mirrored',
    'quarry-reserved',
    'quarry-encrypted',
  ]);
  for (const { provisioner, parameters = {} } of ofKind('StorageClass')) {
    expect(provisioner).toBe(driver);
    const parsed = parseParameters(parameters);
    const pool = pools.find(({ name }) => name === parsed.pool);
    if (!pool) throw new Error(`no pool ${parsed.pool}`);
    expect(layoutFor(pool, parsed).type).toBe(parameters['type']);
    for (const rate of Object.keys(parsed.qos.reservations)) expect(pool.budget?.rates).toHaveProperty(rate);
  }
});

test('the driver accepts the limits and reservations, and a node can promise them', () => {
  const [fast] = pools;
  const databases = ['cassandra', 'kafka', 'mariadb', 'mongodb', 'postgresql', 'zookeeper'];
  const names = namesOf('VolumeAttributesClass');
  expect(names.toSorted()).toEqual([...databases, 'bronze', 'gold', 'silver'].toSorted());
  for (const { metadata, driverName, parameters = {} } of ofKind('VolumeAttributesClass')) {
    expect(driverName).toBe(driver);
    const { limits, reservations } = parseQosChange(parameters);
    expect(Object.keys(limits)).toHaveLength(4);
    expect(Object.keys(reservations).length > 0).toBe(databases.includes(metadata.name));
    for (const rate of Object.keys(reservations)) expect(fast?.budget?.rates).toHaveProperty(rate);
  }
});

test('each claim names classes that exist', () => {
  const claims = examples.flatMap(({ object: { kind, spec } }) => [
    ...(kind === 'PersistentVolumeClaim' && spec ? [spec] : []),
    ...(spec?.volumeClaimTemplates ?? []).map((template) => template.spec),
    ...(spec?.volumes ?? []).flatMap(({ ephemeral }) => ephemeral?.volumeClaimTemplate.spec ?? []),
  ]);
  expect(claims).toHaveLength(8);
  for (const { storageClassName, volumeAttributesClassName } of claims) {
    expect(namesOf('StorageClass')).toContain(storageClassName);
    if (volumeAttributesClassName !== undefined) {
      expect(namesOf('VolumeAttributesClass')).toContain(volumeAttributesClassName);
    }
  }
});

test('a StatefulSet has the Service that names its replicas, and its own class', () => {
  for (const { file, object } of examples.filter((example) => example.object.kind === 'StatefulSet')) {
    const siblings = examples.filter((example) => example.file === file).map((example) => example.object);
    const service = siblings.find(({ kind }) => kind === 'Service');
    expect(object.spec?.serviceName).toBe(service?.metadata.name);
    expect(object.spec?.volumeClaimTemplates?.map(({ spec }) => spec.volumeAttributesClassName)).toEqual([
      siblings.find(({ kind }) => kind === 'VolumeAttributesClass')?.metadata.name,
    ]);
  }
});

test("the name of an existing volume is in the driver's form", () => {
  const [volume] = ofKind('PersistentVolume');
  expect(volume?.spec?.csi?.driver).toBe(driver);
  expect(parseVolumeId(volume?.spec?.csi?.volumeHandle ?? '')).toMatchObject({ node: 'node-1' });
});
