import type { Command } from './command.ts';
import { features } from '../app/features.ts';
import { check } from './commands/check.ts';
import { completion } from './commands/completion.ts';
import { approve, disks } from './commands/disks.ts';
import { serveCommands } from './commands/serve.ts';
import { showVersion } from './commands/version.ts';

/** In the order of help. Each loads what it works with when it is run; a command stands behind the one whose name it continues. */
export const commands: readonly Command[] = [
  ...serveCommands,
  check,
  disks,
  approve,
  ...features.flatMap((feature) => feature.commands),
  completion,
  showVersion,
];
