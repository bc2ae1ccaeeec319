#!/usr/bin/env node
import { terminal } from '../src/cli/terminal.ts';
import { isFailure } from '../src/domain/errors.ts';
import { runPlugin } from './run.ts';

const { stdin, stdout, stderr } = process;

// `kubectl quarry volumes | head`: the reader may close the pipe early.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  const interactive = stdin.isTTY && stdout.isTTY;
  const streams = { stdout, stderr, stdin: interactive ? stdin : undefined };
  process.exitCode = await runPlugin(process.argv.slice(2), streams, terminal);
} catch (error) {
  // A failure's message is for users; any other error is a defect, and needs its stack.
  stderr.write(`kubectl quarry: ${isFailure(error) ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
