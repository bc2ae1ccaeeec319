import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach } from 'vitest';
import { runPlugin } from '../../../plugin/run.ts';
import { ExecServer } from '../../support/exec-server.ts';

/** The plugin before an API server of its own for each test, with a user who may do all that the guide grants. */
export class Desk {
  server!: ExecServer;
  /** The kubeconfig. */
  file = '';
  said: string[] = [];
  /** Where the results of the command are; it may still run. */
  stdout = new PassThrough();
  /** Results of `--watch`. */
  shown: string[] = [];
  /** How many of them are wanted. */
  wanted = 2;
  /** Whether a command that goes on does so. */
  again = async (): Promise<boolean> => this.shown.length < this.wanted;

  async run(...words: string[]) {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    this.stdout = stdout;
    const screen = {
      say: (line: string) => void this.said.push(line),
      show: (result: string) => void this.shown.push(result),
      again: () => this.again(),
    };
    const ended = runPlugin(['--kubeconfig', this.file, ...words], { stdout, stderr }, screen);
    const code = await ended.finally(() => [stdout, stderr].forEach((stream) => stream.end()));
    return { code, stdout: await text(stdout), stderr: await text(stderr) };
  }
}

export function useDesk(): () => Desk {
  let desk = new Desk();
  let folder = '';
  beforeEach(async () => {
    desk = new Desk();
    desk.server = await ExecServer.start();
    for (const right of ['pods', 'pods in quarry', 'exec in quarry']) desk.server.rights.add(right);
    folder = await mkdtemp(join(tmpdir(), 'quarry-plugin-'));
    desk.file = join(folder, 'config');
    await writeFile(desk.file, JSON.stringify(desk.server.kubeconfig));
  });
  afterEach(async () => {
    await desk.server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  return () => desk;
}
