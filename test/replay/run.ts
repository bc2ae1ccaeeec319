import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const runFile = promisify(execFile);

/** Runs a program of the guest, and answers its output; rejects if it fails. */
export async function run(program: string, ...words: string[]): Promise<string> {
  // Without udev, device-mapper's tools make the nodes themselves.
  const env = { ...process.env, LC_ALL: 'C', DM_DISABLE_UDEV: '1' };
  const { stdout } = await runFile(program, words, { env, maxBuffer: 1 << 26 });
  return stdout;
}
