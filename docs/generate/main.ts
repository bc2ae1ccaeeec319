/**
 * `npm run generate`: writes the generated parts of docs/reference, docs/explanation and the chart's README, each between two markers, and
 * the schema of the chart's values.
 * test/unit/docs/reference.test.ts fails while a page differs from what this writes.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { commandSections, exitCodeTable } from './command-line.ts';
import { configurationTables } from './configuration.ts';
import { errorKinds } from './errors.ts';
import { noticeReasonTable, storageReasonTable, volumeReasonTable } from './health.ts';
import { metricsTable } from './metrics.ts';
import { longRuns } from './proof.ts';
import { attributeParameters, inlineAttributes, storageClassParameters } from './parameters.ts';
import { CHART } from '../../deploy/render.ts';
import { chartValues, chartValuesSchema, VALUES_SCHEMA } from './values.ts';

const folders = ['../reference', '../explanation', CHART].map((folder) => resolve(import.meta.dirname, folder));

/** Name in the marker → function that makes the text below it. */
const makers: Readonly<Record<string, () => string>> = {
  commands: commandSections,
  'exit codes': exitCodeTable,
  'error kinds': errorKinds,
  'volume reasons': volumeReasonTable,
  'storage reasons': storageReasonTable,
  'notice reasons': noticeReasonTable,
  metrics: metricsTable,
  'long runs': () => longRuns(),
  values: chartValues,
  'class parameters': storageClassParameters,
  'attribute parameters': attributeParameters,
  'inline attributes': inlineAttributes,
  ...configurationTables,
};

const part = /(<!-- made from the code: (.+) -->\n)[\s\S]*?(<!-- end -->\n)/g;

/** Path of a file → its expected text. Throws on an unknown marker, and on a text that no page uses. */
export function generatePages(): Map<string, string> {
  const used = new Set<string>();
  const pagesOf = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.md'));
  const paths = folders.flatMap((folder) => pagesOf(folder).map((name) => join(folder, name)));
  const pages = paths.map((path): [string, string] => {
    const text = readFileSync(path, 'utf8').replaceAll(part, (_, start: string, name: string, end: string) => {
      const make = makers[name];
      if (make === undefined) throw new Error(`${path} has a marker for ${name}, which nothing is made for`);
      used.add(name);
      return `${start}\n${make()}\n${end}`;
    });
    return [path, text];
  });
  const unused = Object.keys(makers).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`no page has a marker for ${unused.join(', ')}`);
  return new Map([...pages, [VALUES_SCHEMA, chartValuesSchema()]]);
}

if (import.meta.main) {
  for (const [path, text] of generatePages()) writeFileSync(path, text);
}
