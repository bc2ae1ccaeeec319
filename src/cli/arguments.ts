import { parseArgs } from 'node:util';
import { type RegistrationMode, registrationModes } from '../config/cluster.ts';
import { type Role, roles } from '../config/schema.ts';
import { Failure } from '../domain/errors.ts';

export const usage = `quarry: persistent volumes for Kubernetes on the raw disks of a node, through LVM

  quarry all                     serve Identity, Controller and Node in one process
  quarry node                    serve Identity and Node on a machine with disks
  quarry controller              serve Identity and Controller for the nodes that attach
  quarry check [ROLE]            validate the configuration of a role (default: all), naming every problem
  quarry disks                   disks that match a pool's rule, and what may be done with them
  quarry disks approve [DISK…]   take the proposed disks, or those that are named
  quarry calibrate POOL          measure what a pool's disks can do, for its budget
  quarry orphans                 volumes that are in no PersistentVolume; beside a running controller
  quarry orphans release ID      record that one of them is meant to be so
  quarry orphans delete ID       delete one of them, after asking
  quarry qos                     limits of each volume and pod: wanted, in force, and what was used
  quarry version
  quarry help

  --config FILE                  default: /etc/quarry/config.yaml

  Of node and all:
  --registration self|external   how kubelet comes to know the driver, whatever the configuration says

  Of calibrate:
  --rounds N                     how often each rate is measured; default: 5
  --seconds N                    how long each time; default: 10
  --beside-volumes               although the pool is in use

  Of orphans delete:
  --yes                          without asking
`;

export interface ServeCommand {
  readonly name: 'serve';
  readonly role: Role;
  readonly config: string;
  readonly registration?: RegistrationMode;
}

interface CalibrateCommand {
  readonly name: 'calibrate';
  readonly config: string;
  readonly pool: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly besideVolumes: boolean;
}

export type OrphansCommand =
  | { readonly action: 'list' }
  | { readonly action: 'release'; readonly id: string }
  | { readonly action: 'delete'; readonly id: string; readonly yes: boolean };

export type Command =
  | ServeCommand
  | { readonly name: 'check'; readonly role: Role; readonly config: string }
  | { readonly name: 'disks'; readonly config: string }
  | { readonly name: 'qos'; readonly config: string }
  | { readonly name: 'approve'; readonly config: string; readonly disks: readonly string[] }
  | CalibrateCommand
  | { readonly name: 'orphans'; readonly config: string; readonly what: OrphansCommand }
  | { readonly name: 'version' }
  | { readonly name: 'help' };

const defaultConfig = '/etc/quarry/config.yaml';

/** Throws `invalid` with what is wrong and the usage. */
export function parseCommand(argv: readonly string[]): Command {
  const { words, config, help, yes, registration, calibrate } = parse(argv);
  const [name, ...rest] = words;
  if (help || name === 'help' || name === undefined) return { name: 'help' };
  if (registration !== undefined) return parseRegistered(words, config, registration);
  if (name === 'calibrate') return parseCalibrate(rest, config, calibrate);
  if (Object.keys(calibrate).length > 0) throw misuse(`--${Object.keys(calibrate).join(', --')} belongs to calibrate`);
  if (name === 'disks' && rest[0] === 'approve') return { name: 'approve', config, disks: rest.slice(1) };
  if (name === 'orphans') return { name, config, what: parseOrphans(rest, yes) };
  if (yes) throw misuse('--yes belongs to "orphans delete"');
  if (name === 'check') return { name, role: parseRole(rest), config };
  if (rest.length > 0) throw misuse(`"${rest.join(' ')}" is too much after "${name}"`);
  if (name === 'version') return { name };
  if (name === 'disks' || name === 'qos') return { name, config };
  const role = roles.find((known) => known === name);
  if (role) return { name: 'serve', role, config };
  throw misuse(`"${name}" is no command`);
}

function parseRegistered([role, ...rest]: readonly string[], config: string, word: string): ServeCommand {
  if ((role !== 'node' && role !== 'all') || rest.length > 0) throw misuse('--registration belongs to node and all');
  const registration = registrationModes.find((known) => known === word);
  if (registration) return { name: 'serve', role, config, registration };
  throw misuse(`--registration ${word} must be ${registrationModes.join(' or ')}`);
}

function parseRole([word = 'all', ...rest]: readonly string[]): Role {
  const role = roles.find((known) => known === word);
  if (role && rest.length === 0) return role;
  throw misuse(`"${[word, ...rest].join(' ')}" is no role: ${roles.join(', ')}`);
}

function parseCalibrate([pool, ...more]: string[], config: string, given: CalibrateValues): CalibrateCommand {
  if (pool === undefined) throw misuse('calibrate needs the name of a pool');
  if (more.length > 0) throw misuse(`"${more.join(' ')}" is too much after "calibrate ${pool}"`);
  const count = (option: 'rounds' | 'seconds', otherwise: number) => {
    const text = given[option] ?? String(otherwise);
    if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
    throw misuse(`--${option} ${text} must be a whole number from 1 to 9999`);
  };
  const besideVolumes = given['beside-volumes'] ?? false;
  return { name: 'calibrate', config, pool, rounds: count('rounds', 5), seconds: count('seconds', 10), besideVolumes };
}

const calibrateOptions = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  'beside-volumes': { type: 'boolean' },
} as const;

interface CalibrateValues {
  readonly rounds?: string;
  readonly seconds?: string;
  readonly 'beside-volumes'?: boolean;
}

function parseOrphans(words: readonly string[], yes: boolean): OrphansCommand {
  const [action, id, ...more] = words;
  if (action === 'delete' && id !== undefined && more.length === 0) return { action, id, yes };
  if (yes) throw misuse('--yes belongs to "orphans delete ID"');
  if (action === undefined) return { action: 'list' };
  if (action === 'release' && id !== undefined && more.length === 0) return { action, id };
  throw misuse(`"orphans ${words.join(' ')}" is no command`);
}

interface Words {
  readonly words: string[];
  readonly config: string;
  readonly help: boolean;
  readonly yes: boolean;
  readonly registration: string | undefined;
  readonly calibrate: CalibrateValues;
}

function parse(argv: readonly string[]): Words {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        yes: { type: 'boolean' },
        registration: { type: 'string' },
        ...calibrateOptions,
      },
    });
    const { config = defaultConfig, help = false, yes = false, registration, ...calibrate } = values;
    return { words: positionals, config, help, yes, registration, calibrate };
  } catch (cause) {
    throw misuse(cause instanceof Error ? cause.message : String(cause));
  }
}

function misuse(problem: string): Failure {
  return new Failure('invalid', `${problem}\n\n${usage}`);
}
