import { readFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import * as z from 'zod';
import { Failure, messageOf } from '../domain/errors.ts';
import { conflicts, type Problem } from './conflicts.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { fleetConflicts, metricsConflicts } from './fleet.ts';
import { type Configs, type Role, roles, schemas } from './schema.ts';

const defaultEndpoint = 'unix:///run/quarry/csi.sock';

/** Throws `invalid` with the file's name and every problem, one a line; also if the file cannot be read. */
export async function loadConfig<Name extends Role>(
  path: string,
  role: Name,
  environment: Environment = readEnvironment(),
): Promise<Configs[Name]> {
  return load(path, (text) => parseConfig(text, environment, role));
}

/** The configuration of the role that serves this machine's disks. Throws as `loadConfig`. */
export async function loadMachineConfig(
  path: string,
  environment: Environment = readEnvironment(),
): Promise<Configs['all' | 'node']> {
  return load(path, (text) => parseConfig(text, environment, hasFleet(parseYaml(text)) ? 'node' : 'all'));
}

/** A configuration, with the role that its `fleet` shows. */
export type AnyConfig = { readonly [Name in Role]: { readonly role: Name; readonly config: Configs[Name] } }[Role];

/** Throws as `loadConfig`. */
export async function loadAnyConfig(path: string, environment: Environment = readEnvironment()): Promise<AnyConfig> {
  return load(path, (text): AnyConfig => {
    const raw = parseYaml(text);
    if (!hasFleet(raw)) return { role: 'all', config: parseConfig(text, environment, 'all') };
    if (listens(raw)) return { role: 'controller', config: parseConfig(text, environment, 'controller') };
    return { role: 'node', config: parseConfig(text, environment, 'node') };
  });
}

function hasFleet(raw: unknown): boolean {
  return typeof raw === 'object' && raw !== null && 'fleet' in raw;
}

/** Only a controller listens for nodes. */
function listens(raw: unknown): boolean {
  const { data } = z.object({ fleet: z.record(z.string(), z.unknown()) }).safeParse(raw);
  return data !== undefined && 'listen' in data.fleet;
}

async function load<T>(path: string, parse: (text: string) => T): Promise<T> {
  try {
    return parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Failure('invalid', `the configuration ${path} cannot be used:\n${messageOf(error)}`, { cause: error });
  }
}

/** Throws `invalid`; the message names every problem with its path in the file, one a line. */
export function parseConfig<Name extends Role = 'all'>(
  text: string,
  environment: Environment,
  role: Name | 'all' = 'all',
): Configs[Name] {
  const { raw, origins } = withEnvironment(parseYaml(text), environment, role);
  const result = schemas[role].safeParse(raw);
  const problems = result.success ? [] : result.error.issues.flatMap(toProblems);
  if (role !== 'controller') problems.push(...conflicts(raw));
  if (role !== 'all') problems.push(...fleetConflicts(raw, role));
  if (role !== 'all') problems.push(...metricsConflicts(raw, role));
  if (result.success && problems.length === 0) return result.data as Configs[Name];
  throw new Failure('invalid', problems.map((problem) => describe(problem, origins)).join('\n'));
}

function parseYaml(text: string): unknown {
  // `error`: a warning of Node for a key that is a list or a map would stand beside the problem that names the key.
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' });
  const problems = [...document.errors, ...document.warnings].map(({ message }) =>
    message.split('\n')[0]?.replace(/:$/, ''),
  );
  if (problems.length > 0) throw new Failure('invalid', problems.join('\n'));
  try {
    return document.toJS() ?? {};
  } catch (error) {
    // The parser gives up on aliases that expand without bound.
    throw new Failure('invalid', messageOf(error), { cause: error });
  }
}

/** The file, completed from the environment, with the origin of each added value. */
function withEnvironment(
  file: unknown,
  environment: Environment,
  role: Role,
): { raw: unknown; origins: Map<PropertyKey, string> } {
  const origins = new Map<PropertyKey, string>();
  if (typeof file !== 'object' || file === null || Array.isArray(file)) return { raw: file, origins };
  const raw: Record<string, unknown> = { ...file };
  if (raw['node'] === undefined && role !== 'controller') {
    raw['node'] = environment.nodeName ?? environment.hostname;
    origins.set('node', environment.nodeName === undefined ? 'the hostname' : 'NODE_NAME');
  }
  if (raw['endpoint'] === undefined) {
    raw['endpoint'] = environment.endpoint ?? defaultEndpoint;
    origins.set('endpoint', 'CSI_ENDPOINT');
  }
  if (role !== 'all') completeKubernetes(raw, environment);
  if (role === 'controller' && typeof raw['endpoint'] === 'string')
    raw['admin'] ??= raw['endpoint'].replace(/[^/]*$/, 'admin.sock');
  return { raw, origins };
}

/** Default: the pod's API server. */
function completeKubernetes(raw: Record<string, unknown>, { apiServer }: Environment): void {
  const { kubernetes } = raw;
  if (typeof kubernetes === 'object' && kubernetes !== null && !('server' in kubernetes)) {
    raw['kubernetes'] = { ...kubernetes, ...(apiServer !== undefined && { server: apiServer }) };
  }
}

/** One problem for each unknown key, with the key in its path. */
function toProblems(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  const message = (key: string) => (issue.path.length === 0 ? foreign(key) : undefined) ?? issue.message;
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: message(key) }));
}

/** For a key that belongs to another role: the message that says so. */
function foreign(key: string): string | undefined {
  const theirs = roles.filter((role) => key in schemas[role].shape);
  return theirs.length === 0 ? undefined : `belongs to ${theirs.map((role) => `quarry ${role}`).join(' and ')} only`;
}

function describe({ path, message }: Problem, origins: ReadonlyMap<PropertyKey, string>): string {
  const [first] = path;
  const origin = first === undefined ? undefined : origins.get(first);
  return `${formatPath(path)}${origin === undefined ? '' : ` (from ${origin})`}: ${message}`;
}

/** `pools[1].thin.share`; a key with other characters is quoted. */
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
