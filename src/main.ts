#!/usr/bin/env node
import { commands } from './cli/commands.ts';
import { runCommandLine } from './cli/program.ts';
import { terminal } from './cli/terminal.ts';
import { isFailure } from './domain/errors.ts';

// `quarry disks | head`: the reader may close the pipe early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.stdout.write(await runCommandLine(process.argv.slice(2), commands, terminal));
} catch (error) {
  // A failure's message is for users; any other error is a defect, and needs its stack.
  process.stderr.write(`quarry: ${isFailure(error) ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
