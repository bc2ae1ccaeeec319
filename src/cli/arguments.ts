import { parseArgs } from 'node:util';
import { type Role, roles } from '../config/schema.ts';
import { Failure } from '../domain/errors.ts';

export const usage = `quarry: persistent volumes for Kubernetes on the raw disks of a node, through LVM

  quarry all                     serve Identity, Controller and Node in one process
  quarry node                    serve Identity and Node on a machine with disks
  quarry controller              serve Identity and Controller for the nodes that attach
  quarry check [ROLE]            validate the configuration of a role (default: all), naming every problem
  quarry disks                   disks that match a pool's rule, and what may be done with them
  quarry disks approve [DISK…]   take the proposed disks, or those that are named
  quarry version
  quarry help

  --config FILE                  default: /etc/quarry/config.yaml
`;

export type Command =
  | { readonly name: 'serve' | 'check'; readonly role: Role; readonly config: string }
  | { readonly name: 'disks'; readonly config: string }
  | { readonly name: 'approve'; readonly config: string; readonly disks: readonly string[] }
  | { readonly name: 'version' }
  | { readonly name: 'help' };

const defaultConfig = '/etc/quarry/config.yaml';

/** Throws `invalid` with what is wrong and the usage. */
export function parseCommand(argv: readonly string[]): Command {
  const { words, config, help } = parse(argv);
  const [name, ...rest] = words;
  if (help || name === 'help' || name === undefined) return { name: 'help' };
  if (name === 'disks' && rest[0] === 'approve') return { name: 'approve', config, disks: rest.slice(1) };
  if (name === 'check') return { name, role: parseRole(rest), config };
  if (rest.length > 0) throw misuse(`"${rest.join(' ')}" is too much after "${name}"`);
  if (name === 'version') return { name };
  if (name === 'disks') return { name, config };
  const role = roles.find((known) => known === name);
  if (role) return { name: 'serve', role, config };
  throw misuse(`"${name}" is no command`);
}

function parseRole([word = 'all', ...rest]: readonly string[]): Role {
  const role = roles.find((known) => known === word);
  if (role && rest.length === 0) return role;
  throw misuse(`"${[word, ...rest].join(' ')}" is no role: ${roles.join(', ')}`);
}

function parse(argv: readonly string[]): { words: string[]; config: string; help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { config: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    return { words: positionals, config: values.config ?? defaultConfig, help: values.help ?? false };
  } catch (cause) {
    throw misuse(cause instanceof Error ? cause.message : String(cause));
  }
}

function misuse(problem: string): Failure {
  return new Failure('invalid', `${problem}\n\n${usage}`);
}
