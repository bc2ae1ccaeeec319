import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Terminal } from '../src/cli/command.ts';
import { type Asked, parseArguments } from './arguments.ts';
import { findController } from './controllers.ts';
import { loadKubeconfig } from './kubeconfig.ts';
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

async function runOnce({ place, words }: Asked, streams: Streams, { say }: Screen): Promise<number> {
  const config = loadKubeconfig(place);
  const controller = await findController(config, place, AbortSignal.timeout(patience));
  if (!controller.ready) say(`No controller is ready; ${controller.pod} may not know all nodes yet.`);
  return runIn(config, controller, words, streams);
}
