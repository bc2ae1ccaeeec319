import type { KubeConfig } from '@kubernetes/client-node';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Terminal } from '../src/cli/command.ts';
import { Failure } from '../src/domain/errors.ts';
import { approveDisks, parseApproval } from './approve.ts';
import { type Asked, nodeCommands, nodeLists, parseArguments } from './arguments.ts';
import { type Controller, findController } from './controllers.ts';
import { openDashboard } from './dashboard.ts';
import { loadKubeconfig } from './kubeconfig.ts';
import { showNodeLists } from './node-lists.ts';
import { findNodes, type Node } from './nodes.ts';
import { runIn, type Streams } from './run-in.ts';

/** Milliseconds for the API server to list the controllers. */
const patience = 30_000;

export type Screen = Pick<Terminal, 'say' | 'show' | 'again'>;

/** Runs the plugin, and resolves with the exit code. Throws a Failure for the user. */
export async function runPlugin(argv: readonly string[], streams: Streams, screen: Screen): Promise<number> {
  const asked = parseArguments(argv);
  if (typeof asked === 'string') {
    streams.stdout.write(asked);
    return 0;
  }
  if (!asked.watch) return runOnce(asked, streams, screen);
  // Each result is asked for separately. A command in the container would outlive this process, and would not find another controller.
  for (;;) {
    const stdout = new PassThrough();
    const [code, result] = await Promise.all([
      runOnce(asked, { stdout, stderr: streams.stderr }, screen).finally(() => stdout.end()),
      text(stdout),
    ]);
    if (code !== 0) return code;
    screen.show(result);
    if (!(await screen.again())) return 0;
  }
}

async function runOnce(asked: Asked, streams: Streams, screen: Screen): Promise<number> {
  const config = loadKubeconfig(asked.place);
  const signal = AbortSignal.timeout(patience);
  const task = taskOf(asked);
  if (task === 'controller' || task === 'dashboard') {
    const controller = await findController(config, asked.place, signal);
    if (!controller.ready) screen.say(`No controller is ready; ${controller.pod} may not know all nodes yet.`);
    if (task === 'dashboard') return showDashboard(config, controller, streams, screen);
    return runIn(config, controller, asked.words, streams);
  }
  const wanted = task === 'approve' ? parseApproval(asked.words.slice(2)) : undefined;
  const nodes = await findNodes(config, asked, signal);
  if (wanted !== undefined) return approveDisks(config, nodes, wanted, streams);
  if (task === 'lists') return showNodeLists(config, nodes, asked.words, streams);
  return runOnNode(config, nodes, asked.words, streams);
}

/** Until it is interrupted. */
async function showDashboard(config: KubeConfig, controller: Controller, { stdout }: Streams, screen: Screen) {
  await using dashboard = await openDashboard(config, controller, screen.say);
  stdout.write(`${dashboard.url}\n`);
  screen.say(`The status page of ${controller.pod} is at this address until Ctrl-C.`);
  while (await screen.again());
  return 0;
}

type Task = 'dashboard' | 'controller' | 'lists' | 'approve' | 'node';

/** Throws Failure('invalid') for a command that works on one node, if none is named. */
function taskOf({ words, nodes, selector }: Asked): Task {
  const [first = '', second = ''] = words;
  const helps = words.includes('--help') || words.includes('-h');
  if (first === 'dashboard') return dashboardTask(words);
  if (helps || (!nodeCommands.includes(first) && nodes.length === 0 && selector === undefined)) return 'controller';
  if (first === 'disks' && second === 'approve') return 'approve';
  if (nodeLists.includes(first) && !/^[a-z]/.test(second)) return 'lists';
  if (nodes.length === 1 && selector === undefined) return 'node';
  throw new Failure('invalid', `"${words.join(' ')}" works on one node: name it with --node, before the command`);
}

function dashboardTask(words: readonly string[]): Task {
  if (words.length === 1) return 'dashboard';
  throw new Failure('invalid', `dashboard takes no words after it; "${words.slice(1).join(' ')}" is given`);
}

async function runOnNode(config: KubeConfig, nodes: readonly Node[], words: readonly string[], streams: Streams) {
  const [{ name, target, problem } = { name: '', problem: '' }] = nodes;
  if (target === undefined) throw new Failure('unavailable', `node ${name}: ${problem}`);
  return runIn(config, target, words, streams);
}
