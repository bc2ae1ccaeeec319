import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config/config.ts';
import { parseParameters } from '../../src/domain/parameters.ts';
import { type ApiSchema, type KubeObject, loadApiSchemas } from '../support/api-schema.ts';
import { renderObjects } from '../support/chart.ts';
import { guideCommands, problemOf } from '../support/guide-commands.ts';
import { type Named, notRun, otherRuns, quarryKey, quarryRuns } from '../support/guide-runs.ts';
import { allPages, blocksOf, guidePages } from '../support/guides.ts';

const languages = new Set(['sh', 'console', 'yaml', 'text', 'mermaid']);

test('every fenced block says its language, so that its commands are found', () => {
  const lacking = guidePages()
    .flatMap(blocksOf)
    .filter(({ language }) => !languages.has(language));
  expect(lacking).toEqual([]);
});

test('the command line takes every command of quarry in the documentation', async () => {
  const commands = allPages().flatMap(guideCommands);
  expect(commands.length).toBeGreaterThan(200);
  const refused = await Promise.all(commands.map(async (command) => ({ command, problem: await problemOf(command) })));
  expect(refused.filter(({ problem }) => problem !== undefined)).toEqual([]);
});

const rootFolder = join(import.meta.dirname, '../..');
const isNamed = ([file, title]: Named): boolean => {
  const found = globSync(`test/${file}{.test.ts,/*.test.ts}`, { cwd: rootFolder });
  return found.some((path) => readFileSync(join(rootFolder, path), 'utf8').includes(title));
};

test('a test runs each command of the guides, the tutorial and the README, or a reason says why none does', () => {
  const commands = guidePages().flatMap(guideCommands);
  // A mention of a program alone is no command.
  const given = commands.filter(
    ({ line, mention }) => !mention || line.split(' ').length > 3 || line.startsWith('quarry '),
  );
  const without = given.filter((command) => {
    const key = quarryKey(command);
    return key === undefined ? !(command.line in otherRuns || command.line in notRun) : !(key in quarryRuns);
  });
  expect(without).toEqual([]);
  const found = new Set(commands.flatMap((command) => quarryKey(command) ?? command.line));
  const tables = { ...quarryRuns, ...otherRuns };
  expect(Object.keys({ ...tables, ...notRun }).filter((line) => !found.has(line))).toEqual([]);
  expect(Object.entries(tables).filter(([, named]) => !isNamed(named))).toEqual([]);
});

/** A part of an object, with its object around it. */
function whole(part: Record<string, unknown>): KubeObject {
  const metadata = { name: 'whole' };
  if ('volumes' in part) {
    const spec = { ...part, containers: [{ name: 'main' }] };
    return Object.assign({ apiVersion: 'v1', kind: 'Pod', metadata }, { spec });
  }
  const template = { spec: { containers: [{ name: 'main' }] } };
  const spec = { ...part, serviceName: 'whole', selector: {}, template };
  return Object.assign({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata }, { spec });
}

/** The blocks of YAML on a page, and the files that its commands write. */
function yamlOf(page: string): { page: string; text: string }[] {
  return blocksOf(page).flatMap(({ language, text }) => {
    const [, file] = /<<END\n(.*?\n)END$/ms.exec(text) ?? [];
    if (language === 'yaml') return { page, text };
    return file === undefined ? [] : { page, text: file };
  });
}

/** The values of a page, and the authority that the chart asks for where it makes no certificates. */
function withAuthority(values: { controller?: { snapshotMetadata?: object } }): object {
  const { controller = {} } = values;
  const snapshotMetadata = { authority: 'PEM of an authority', ...controller.snapshotMetadata };
  return { ...values, controller: { ...controller, snapshotMetadata } };
}

describe('each YAML in the documentation', () => {
  let schemas: ApiSchema[];
  beforeAll(() => {
    schemas = loadApiSchemas();
  });
  const problemsOf = (object: KubeObject) => schemas.flatMap((schema) => schema.problemsOf(object));
  const documents = allPages()
    .flatMap(yamlOf)
    .flatMap(({ page, text }) =>
      parseAllDocuments(text).map((document) => ({ page, text, document, first: text.split('\n')[0] })),
    );

  test.each(documents)('is valid on $page: $first', async ({ text, document }) => {
    expect(document.errors).toEqual([]);
    const content = document.toJS() as Record<string, unknown>;
    if ('kind' in content) return expect(problemsOf(content as unknown as KubeObject)).toEqual([]);
    if ('volumes' in content || 'volumeClaimTemplates' in content)
      return expect(problemsOf(whole(content))).toEqual([]);
    if (/^(?:driver|fleet):/m.test(text)) return;
    const { parameters } = content;
    if (parameters !== undefined) return void parseParameters(parameters as Record<string, string>);
    await renderObjects(withAuthority(content));
    if ('pools' in content) parseConfig(JSON.stringify({ pools: content['pools'] }), { hostname: 'node-1' }, 'all');
  });
});
