import type { Role } from '../../config/schema.ts';
import { command, optionalOneOf } from '../command.ts';

const roles = ['all', 'node', 'controller'] as const satisfies readonly Role[];

export const check = command({
  name: 'check',
  summary: 'Check the configuration of a role, and print every problem with its path',
  where: 'here',
  arguments: { role: optionalOneOf('the role that uses the file', roles, 'all') },
  examples: [
    { line: 'quarry check', does: 'checks /etc/quarry/config.yaml for quarry all' },
    { line: 'quarry check node --config node.yaml', does: 'checks another file, for quarry node' },
  ],
  async run({ config: path, role }) {
    const { loadConfig } = await import('../../config/config.ts');
    const config = await loadConfig(path, role);
    const more = 'pools' in config ? `${config.pools.length} pool(s), node ${config.node}` : 'all nodes that connect';
    return `${path} is valid for quarry ${role}: driver ${config.driver}, ${more}\n`;
  },
});
