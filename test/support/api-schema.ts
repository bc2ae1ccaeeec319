import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { labPaths } from '../../lab/paths.ts';
import { API_VERSIONS } from '../../lab/recipe.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly 'x-kubernetes-group-version-kind'?: readonly Readonly<Record<'group' | 'version' | 'kind', string>>[];
}

type Definitions = Readonly<Record<string, Schema>>;

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The API of one version of Kubernetes, from its own schema. */
export interface ApiSchema {
  readonly version: string;
  /** The problems of an object, including unknown fields, which the API server would drop without an error. */
  readonly problemsOf: (object: KubeObject) => string[];
}

export function loadApiSchemas(): ApiSchema[] {
  const folder = labPaths().schemas;
  const custom = customKinds(folder);
  return API_VERSIONS.map((version) => {
    const { definitions } = JSON.parse(readFileSync(join(folder, `${version}.json`), 'utf8')) as {
      definitions: Definitions;
    };
    const kinds = new Map([
      ...custom,
      ...Object.values(definitions).flatMap((schema) =>
        (schema['x-kubernetes-group-version-kind'] ?? []).map(({ group, version: of, kind }): [string, Schema] => [
          `${group === '' ? '' : `${group}/`}${of} ${kind}`,
          schema,
        ]),
      ),
    ]);
    return {
      version,
      problemsOf(object) {
        const schema = kinds.get(`${object.apiVersion} ${object.kind}`);
        if (schema === undefined) return [`${object.apiVersion} ${object.kind} is not served`];
        return [...check(object, schema, object.kind, definitions)];
      },
    };
  });
}

interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** Kinds that other projects define: certificates of cert-manager, and snapshots. */
function customKinds(folder: string): [string, Schema][] {
  const snapshots = readdirSync(join(folder, 'snapshots'));
  const files = ['certificates.yaml', ...snapshots.map((file) => join('snapshots', file))];
  return files.flatMap((file) => {
    const { spec } = parse(readFileSync(join(folder, file), 'utf8')) as CustomResourceDefinition;
    return spec.versions.map(({ name, schema }): [string, Schema] => [
      `${spec.group}/${name} ${spec.names.kind}`,
      schema.openAPIV3Schema,
    ]);
  });
}

function* check(value: unknown, given: Schema, path: string, definitions: Definitions): Generator<string> {
  const schema = given.$ref === undefined ? given : definitions[given.$ref.slice('#/definitions/'.length)];
  if (schema === undefined) throw new Error(`${given.$ref} is not defined`);
  if (!isOfType(value, schema)) return yield `${path}: ${JSON.stringify(value)} is no ${schema.format ?? schema.type}`;
  if (schema.enum && !schema.enum.includes(value)) yield `${path}: must be one of ${schema.enum.join(', ')}`;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      yield* check(item, schema.items ?? {}, `${path}[${index}]`, definitions);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const name of schema.required ?? []) if (!(name in value)) yield `${path}.${name}: is missing`;
  // An object without a schema may have any content.
  if (!schema.properties && !schema.additionalProperties) return;
  for (const [name, child] of Object.entries(value)) {
    const known = schema.properties?.[name] ?? schema.additionalProperties;
    if (known) yield* check(child, known, `${path}.${name}`, definitions);
    else yield `${path}.${name}: is unknown`;
  }
}

function isOfType(value: unknown, { type, format, properties }: Schema): boolean {
  if (format === 'int-or-string') return typeof value === 'string' || Number.isInteger(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object' || properties) return typeof value === 'object' && value !== null && !Array.isArray(value);
  return type === undefined || typeof value === type;
}
