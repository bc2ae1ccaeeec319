#!/usr/bin/env node
import { type Command, parseCommand, usage } from './cli/arguments.ts';
import { checkConfig } from './cli/check.ts';
import { serve } from './cli/serve.ts';
import { isFailure } from './domain/errors.ts';
import { version } from './version.ts';

/** The text to print, when there is any. */
async function run(command: Command): Promise<string> {
  switch (command.name) {
    case 'help':
      return usage;
    case 'version':
      return `${version}\n`;
    case 'serve':
      await serve(command);
      return '';
    case 'check':
      return checkConfig(command);
    case 'calibrate':
      return (await import('./cli/calibrate.ts')).calibrate(command);
    case 'orphans': {
      const { orphans } = await import('./cli/orphans.ts');
      return orphans(command);
    }
    case 'qos': {
      const { showQos } = await import('./cli/qos.ts');
      return showQos(command);
    }
    case 'disks':
    case 'approve': {
      const { approveDisks, listDisks } = await import('./cli/disks.ts');
      return command.name === 'disks' ? listDisks(command) : approveDisks(command);
    }
  }
}

try {
  process.stdout.write(await run(parseCommand(process.argv.slice(2))));
} catch (error) {
  // A failure explains itself; anything else is a defect, and its stack is what there is to go by.
  process.stderr.write(`quarry: ${isFailure(error) ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
