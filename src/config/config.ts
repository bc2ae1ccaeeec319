import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { core } from 'zod';
import { Failure, messageOf } from '../domain/errors.ts';
import { conflicts, type Problem } from './conflicts.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { type Config, schema } from './schema.ts';

const defaultEndpoint = 'unix:///run/quarry/csi.sock';

/** Throws `invalid` with the file's name and every problem, one a line; also when the file cannot be read. */
export async function loadConfig(path: string, environment: Environment = readEnvironment()): Promise<Config> {
  try {
    return parseConfig(await readFile(path, 'utf8'), environment);
  } catch (error) {
    throw new Failure('invalid', `the configuration ${path} cannot be used:\n${messageOf(error)}`, { cause: error });
  }
}

/** Throws `invalid`; the message names every problem with its path in the file, one a line. */
export function parseConfig(text: string, environment: Environment): Config {
  const { raw, origins } = withEnvironment(parseYaml(text), environment);
  const result = schema.safeParse(raw);
  const problems = [...(result.success ? [] : result.error.issues.flatMap(toProblems)), ...conflicts(raw)];
  if (result.success && problems.length === 0) return result.data;
  throw new Failure('invalid', problems.map((problem) => describe(problem, origins)).join('\n'));
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const problems = [...document.errors, ...document.warnings].map(({ message }) =>
    message.split('\n')[0]?.replace(/:$/, ''),
  );
  if (problems.length > 0) throw new Failure('invalid', problems.join('\n'));
  try {
    return document.toJS() ?? {};
  } catch (error) {
    // Aliases that multiply beyond measure.
    throw new Failure('invalid', messageOf(error), { cause: error });
  }
}

/** The file with what it leaves to the environment, and where that came from. */
function withEnvironment(file: unknown, environment: Environment): { raw: unknown; origins: Map<PropertyKey, string> } {
  const origins = new Map<PropertyKey, string>();
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return { raw: file, origins };
  const raw: Record<string, unknown> = { ...file };
  if (raw['node'] === undefined) {
    raw['node'] = environment.nodeName ?? environment.hostname;
    origins.set('node', environment.nodeName === undefined ? 'the hostname' : 'NODE_NAME');
  }
  if (raw['endpoint'] === undefined) {
    raw['endpoint'] = environment.endpoint ?? defaultEndpoint;
    origins.set('endpoint', 'CSI_ENDPOINT');
  }
  return { raw, origins };
}

/** One problem an unknown key, each with the key in its path. */
function toProblems(issue: core.$ZodIssue): Problem[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: issue.message }));
}

function describe({ path, message }: Problem, origins: ReadonlyMap<PropertyKey, string>): string {
  const [first] = path;
  const origin = first === undefined ? undefined : origins.get(first);
  return `${formatPath(path)}${origin === undefined ? '' : ` (from ${origin})`}: ${message}`;
}

/** `pools[1].thin.share`; a key of other characters in quotes. */
function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file';
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const key = String(part);
      return (index === 0 ? '' : '.') + (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));
    })
    .join('');
}
