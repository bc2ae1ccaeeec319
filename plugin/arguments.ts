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
  /** Names of nodes on which the command runs. */
  readonly nodes: readonly string[];
  /** Labels of nodes on which the command runs. */
  readonly selector?: string | undefined;
  /** The words after `quarry`, for the command line in the pod. */
  readonly words: readonly string[];
  /** Whether to ask again every two seconds. */
  readonly watch: boolean;
}

/** The commands of `src/cli/commands/serve.ts`; that module would bring the whole driver with it. */
export const serving: readonly string[] = ['all', 'node', 'controller'];

/** Lists of one node, which the plugin asks of all nodes. */
export const nodeLists: readonly string[] = ['disks', 'qos', 'hung', 'jobs'];
/** Commands that work on one node. */
export const nodeCommands: readonly string[] = [...nodeLists, 'check', 'calibrate', 'adopt'];

const piped =
  'kubectl get pv NAME -o yaml | kubectl exec -i -n NAMESPACE NODE-POD -c quarry -- quarry adopt VG/LV --persistent-volume /dev/stdin';

const details = `Runs a command of Quarry's command line in the cluster, with the rights of your kubeconfig: in one of the controllers, or,
if it is about a node, on nodes.
"kubectl quarry status" shows the cluster, "kubectl quarry help" lists the commands, and "kubectl quarry volumes --help" describes one.
"kubectl quarry disks", "qos", "jobs" and "hung" list what all nodes have. "kubectl quarry disks approve [DISK...]" shows which
disks would be taken, and takes them with "--yes".
"kubectl quarry dashboard" opens a port of this machine for a controller's status page, where the chart has controller.statusPage.enabled.
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
    .option(
      '--node <NAME>',
      'run the command on this node; may be repeated',
      (name, all: string[]) => [...all, name],
      [],
    )
    .option('--selector <LABELS>', 'run the command on the nodes with these labels')
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
  return toAsked(program.opts<Place & Chosen>(), program.args);
}

interface Chosen {
  readonly node: readonly string[];
  readonly selector?: string;
}

function toAsked({ node: nodes, selector, ...place }: Place & Chosen, words: readonly string[]): Asked {
  const [command = ''] = words;
  if (serving.includes(command)) {
    throw new Failure('invalid', `"${command}" starts a driver, and kubectl quarry only asks those that run`);
  }
  const late = words.find((word) => /^--(?:context|kubeconfig)(?:=|$)/.test(word));
  if (late !== undefined) {
    throw new Failure('invalid', `${late.split('=')[0]} comes before the command; see kubectl quarry --help`);
  }
  if (command === 'adopt' && words.some((word) => /^--persistent-volume(?:=|$)/.test(word))) {
    throw new Failure('invalid', `--persistent-volume names a file in the node's pod; pipe it there: ${piped}`);
  }
  const watch = words.includes('--watch');
  return { place, nodes, selector, words: words.filter((word) => word !== '--watch'), watch };
}
