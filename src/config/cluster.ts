import { absolutePath, parseEndpoint } from './addresses.ts';
import { choice, scalar, section } from './fields.ts';

/** How kubelet comes to know the driver. */
export const registration = section({
  mode: choice(['self', 'external']).default('external'),
  directory: scalar('must be an absolute path', absolutePath).default('/var/lib/kubelet/plugins_registry'),
  endpoint: scalar('must be a unix socket as kubelet sees it, its path 107 bytes at most', parseEndpoint).optional(),
});
