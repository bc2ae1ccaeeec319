import { Command } from 'commander';
import { Failure } from '../src/domain/errors.ts';
import { version } from '../src/version.ts';

/** Where to look for a controller. An absent part means the default. */
export interface Place {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  /** Name of the Helm release. */
  readonly release?: string;
}

export interface Asked {
  readonly place: Place;
  /** The words after `quarry`, for the controller's command line. */
  readonly words: readonly string[];
  /** Whether to ask again every two seconds. */
  readonly watch: boolean;
}

/** The commands of `src/cli/commands/serve.ts`; that module would bring the whole driver with it. */
export const serving: readonly string[] = ['all', 'node', 'controller'];

const details = `Runs a command of Quarry's command line in one of the cluster's controllers, with the rights of your kubeconfig.
"kubectl quarry status" shows the cluster, "kubectl quarry help" lists the commands, and "kubectl quarry volumes --help" describes one.
The options below come before the command: "kubectl quarry --context NAME status".`;

/** What the user asks for, or the text of the plugin's own help. Throws Failure('invalid') if the words are no such command line. */
export function parseArguments(argv: readonly string[]): Asked | string {
  let shown = '';
  const program = new Command('kubectl quarry')
    .description(details)
    .argument('[command...]', "a command of Quarry's command line, with its options")
    .option('--kubeconfig <FILE>', 'the kubeconfig; default: as of kubectl')
    .option('--context <NAME>', 'a context of the kubeconfig; default: the current one')
    .option('--namespace <NAMESPACE>', 'the namespace of the controllers; default: it is searched for')
    .option('--release <NAME>', 'the Helm release, if the namespace has several')
    .version(version, '--version', "show the plugin's version; `kubectl quarry version` shows the controller's")
    .passThroughOptions()
    .configureOutput({ writeOut: (text) => (shown += text), writeErr: () => undefined })
    .exitOverride();
  try {
    program.parse(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
  } catch (error) {
    if (shown !== '') return shown;
    const problem = (error as Error).message.replace(/^error: /, '').replaceAll("'", '"');
    throw new Failure('invalid', `${problem}; see kubectl quarry --help`);
  }
  return toAsked(program.opts<Place>(), program.args);
}

function toAsked(place: Place, words: readonly string[]): Asked {
  const [command = ''] = words;
  if (serving.includes(command)) {
    throw new Failure('invalid', `"${command}" starts a driver, and kubectl quarry only asks those that run`);
  }
  const late = words.find((word) => /^--(?:context|kubeconfig)(?:=|$)/.test(word));
  if (late !== undefined) {
    throw new Failure('invalid', `${late.split('=')[0]} comes before the command; see kubectl quarry --help`);
  }
  return { place, words: words.filter((word) => word !== '--watch'), watch: words.includes('--watch') };
}
