import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { table } from './markdown.ts';

const chart = join(import.meta.dirname, '../../deploy/helm/quarry');

interface Schema {
  readonly description?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** The defaults from values.yaml, their meaning from values.schema.json. */
export function chartValues(): string {
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Record<string, unknown>;
  return table(['Value', 'Default', 'Meaning'], [...rowsOf(values, schema, '', schema)]);
}

function* rowsOf(values: object, at: Schema, path: string, root: Schema): Generator<string[]> {
  for (const [key, value] of Object.entries(values) as [string, unknown][]) {
    const name = `${path}${key}`;
    const found = at.properties?.[key];
    const target = found?.$ref === undefined ? found : root.definitions?.[found.$ref.split('/').at(-1) ?? ''];
    const meaning = found?.description ?? target?.description;
    if (meaning !== undefined) {
      const shown = stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trim();
      yield [`\`${name}\``, `\`${shown}\``, meaning];
    } else if (typeof value === 'object' && value !== null && target?.properties !== undefined) {
      yield* rowsOf(value, target, `${name}.`, root);
    } else throw new Error(`${name} has no description in values.schema.json`);
  }
}
