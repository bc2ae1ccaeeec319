import { version } from '../../version.ts';
import { command } from '../command.ts';

export const showVersion = command({
  name: 'version',
  summary: 'Show the version, as --version does',
  where: 'nowhere',
  examples: [],
  run: async () => `${version}\n`,
});
