import type { Command } from './command.ts';
import { features } from '../app/features.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { approve, disks } from './commands/disks.ts';
import { serveCommands } from './commands/serve.ts';
import { showVersion } from './commands/version.ts';

/** In the order of help. A command loads its modules when it runs; a subcommand follows its parent. */
export const commands: readonly Command[] = [
  ...serveCommands,
  check,
  disks,
  approve,
  ...features.flatMap((feature) => feature.commands),
  completion,
  showVersion,
];
