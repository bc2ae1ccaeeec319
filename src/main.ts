#!/usr/bin/env node
import { parseCommand, usage } from './cli/arguments.ts';
import { approveDisks, listDisks } from './cli/disks.ts';
import { serve } from './cli/serve.ts';
import { loadConfig } from './config/config.ts';
import { isFailure } from './domain/errors.ts';
import { createLog, createTerminalLog } from './log.ts';
import { version } from './version.ts';

/** The text to print, when there is any. */
async function run(argv: readonly string[]): Promise<string> {
  const command = parseCommand(argv);
  if (command.name === 'help') return usage;
  if (command.name === 'version') return `${version}\n`;
  const config = await loadConfig(command.config);
  switch (command.name) {
    case 'all':
      await serve(config, createLog(config.log.level));
      return '';
    case 'check':
      return `${command.config} is valid: ${config.pools.length} pool(s), driver ${config.driver}, node ${config.node}\n`;
    case 'disks':
      return listDisks(config, createTerminalLog());
    case 'approve':
      return approveDisks(config, createTerminalLog(), command.disks);
  }
}

try {
  process.stdout.write(await run(process.argv.slice(2)));
} catch (error) {
  // A failure explains itself; anything else is a defect, and its stack is what there is to go by.
  process.stderr.write(`quarry: ${isFailure(error) ? error.message : String((error as Error).stack ?? error)}\n`);
  process.exitCode = isFailure(error, 'invalid') ? 2 : 1;
}
