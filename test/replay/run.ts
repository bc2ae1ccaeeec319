import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { createQueue } from '../../src/concurrency/queue.ts';

interface Shell {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** Rejects. */
  readonly ended: Promise<never>;
}

const output = { stdout: '/run/replay.out', stderr: '/run/replay.err' } as const;
const queue = createQueue();
let shell: Shell | undefined;

/** Runs a program of the guest, and answers its output; rejects if it fails. */
export function run(program: string, ...words: string[]): Promise<string> {
  return runScript([program, ...words].map(quoted).join(' '));
}

/** The same with a script of the shell, in which it may set what it likes. */
export function runScript(script: string): Promise<string> {
  return queue.run('shell', undefined, () => answerTo(script));
}

/** Call it after the last program: until then, this process does not end by itself. */
export function endShell(): void {
  shell?.process.stdin.end();
}

async function answerTo(script: string): Promise<string> {
  shell ??= start();
  const { process, ended } = shell;
  process.stdin.write(`(\n${script}\n) </dev/null >${output.stdout} 2>${output.stderr}; echo $?\n`);
  const [code] = (await Promise.race([once(process.stdout, 'data'), ended])) as [string];
  const [stdout, stderr] = await Promise.all([readFile(output.stdout, 'utf8'), readFile(output.stderr, 'utf8')]);
  if (code.trim() !== '0') throw new Error(`${script} ended with ${code.trim()}:\n${stdout}${stderr}`);
  return stdout;
}

/** One shell starts all programs: this process is so large that each start of one takes a guest 15 ms more. */
function start(): Shell {
  // Without udev, device-mapper's tools make the nodes themselves.
  const env = { ...process.env, LC_ALL: 'C', DM_DISABLE_UDEV: '1' };
  const started = spawn('sh', [], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  started.stdout.setEncoding('utf8');
  const ended = once(started, 'exit').then(([code]) => {
    throw new Error(`the shell of the replay ended with ${code}`);
  });
  // It matters to a program that runs only.
  ended.catch(() => undefined);
  return { process: started, ended };
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
