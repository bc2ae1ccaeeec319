import { spawn } from 'node:child_process';

export class LabError extends Error {
  override name = 'LabError';
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the program's stdin, which is closed otherwise. */
  readonly input?: string;
}

/** Runs a program of the build host and returns its stdout; throws {@link LabError} with its output if it fails. */
export async function command(argv: readonly [string, ...string[]], options: CommandOptions = {}): Promise<string> {
  const [file, ...args] = argv;
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A program that does not read its input closes the pipe; its exit code is enough.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause) => reject(new LabError(`cannot start ${file}`, { cause })));
    child.on('close', resolve);
  });
  if (code === 0) return Buffer.concat(out).toString();
  const words = Buffer.concat(err).toString().trim().split('\n').slice(-8).join('\n');
  throw new LabError(`${argv.join(' ')} failed (exit code ${code})${words && `:\n${words}`}`);
}
