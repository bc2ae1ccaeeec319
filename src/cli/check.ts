import { loadConfig } from '../config/config.ts';
import type { Role } from '../config/schema.ts';

/** `quarry check`: what the configuration says to a role, in a line. */
export async function checkConfig({ config: path, role }: { config: string; role: Role }): Promise<string> {
  const config = await loadConfig(path, role);
  const more = 'pools' in config ? `${config.pools.length} pool(s), node ${config.node}` : 'all nodes that attach';
  return `${path} is valid for quarry ${role}: driver ${config.driver}, ${more}\n`;
}
