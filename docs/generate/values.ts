import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parseDocument, stringify, type YAMLMap } from 'yaml';
import * as z from 'zod';
import { CHART } from '../../deploy/render.ts';
import { chartSchema } from '../../deploy/schema.ts';
import { table } from './markdown.ts';

/** Helm checks the values with it. */
export const VALUES_SCHEMA = join(CHART, 'values.schema.json');

interface Value {
  /** Such as `controller.provisioner.resources`. */
  readonly path: readonly string[];
  readonly otherwise: unknown;
  readonly meaning: string;
}

/** The values that values.yaml has a comment for. Throws if a value has none, neither its own nor one for its section. */
function* readValues(section: YAMLMap, parents: readonly string[]): Generator<Value> {
  for (const [index, { key, value }] of section.items.entries()) {
    if (!isScalar(key)) throw new Error('a key of values.yaml is not a text');
    const path = [...parents, String(key.value)];
    // The comment above the first key of a section belongs to the section.
    const comment = key.commentBefore ?? (index === 0 ? section.commentBefore : undefined);
    if (comment) yield { path, otherwise: (value as YAMLMap).toJS(document()), meaning: lastBlock(comment) };
    else if (isMap(value) && value.items.length > 0) yield* readValues(value, path);
    else throw new Error(`${path.join('.')} has no comment in values.yaml`);
  }
}

const document = () => parseDocument(readFileSync(join(CHART, 'values.yaml'), 'utf8'));

/** Without what a blank line separates from the key. */
function lastBlock(comment: string): string {
  const block = comment.split('\n\n').at(-1) ?? '';
  return block.replaceAll(/^ /gm, '').replaceAll('\n', ' ');
}

function allValues(): Value[] {
  const { contents } = document();
  if (!isMap(contents)) throw new Error('values.yaml is not a mapping');
  return [...readValues(contents, [])];
}

/** The values, with their defaults and the comments of values.yaml. */
export function chartValues(): string {
  const rows = allValues().map(({ path, otherwise, meaning }) => {
    const shown = stringify(otherwise, { collectionStyle: 'flow', lineWidth: 0 }).trim();
    return [`\`${path.join('.')}\``, `\`${shown}\``, meaning];
  });
  return table(['Value', 'Default', 'Meaning'], rows);
}

/** The schema as JSON, with the same comments as descriptions. */
export function chartValuesSchema(): string {
  const schema = z.toJSONSchema(chartSchema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    // Defaults of the configuration are in their parsed form.
    override: ({ jsonSchema }) => void delete jsonSchema.default,
  });
  for (const { path, meaning } of allValues()) {
    const found = path.reduce<z.core.JSONSchema.BaseSchema | undefined>(
      (at, key) => at?.properties?.[key] as z.core.JSONSchema.BaseSchema | undefined,
      schema,
    );
    if (found === undefined) throw new Error(`${path.join('.')} is not in the schema of the values`);
    found.description = meaning.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1');
  }
  return `${JSON.stringify(schema, null, 2)}\n`;
}
