import { absolutePath, parseEndpoint } from './addresses.ts';
import { choice, duration, scalar, section } from './fields.ts';

export const registrationModes = ['self', 'external'] as const;
export type RegistrationMode = (typeof registrationModes)[number];

/** How kubelet comes to know the driver. */
export const registration = (mode: RegistrationMode) =>
  section({
    mode: choice(registrationModes).default(mode),
    directory: scalar('must be an absolute path', absolutePath).default('/var/lib/kubelet/plugins_registry'),
    endpoint: scalar('must be a unix socket as kubelet sees it, its path 107 bytes at most', parseEndpoint).optional(),
  }).prefault({});

const credentials = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server that a controller asks who a node is and what Kubernetes has claimed. */
export const kubernetes = section({
  server: scalar('must be a URL such as https://10.96.0.1:443; http only on this machine', parseServer),
  tokenFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/token`),
  caFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/ca.crt`),
  nodeGone: choice(['keep', 'forget']).default('keep'),
  nodeGoneAfter: duration('1m', '8760h').default(3_600_000),
  orphansAfter: duration('1m', '8760h').default(900_000),
});

/** Our token goes there: in the clear only to a proxy on this machine. */
function parseServer(text: string): URL | undefined {
  const url = URL.parse(text);
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '');
  return url && (url.protocol === 'https:' || (url.protocol === 'http:' && local)) ? url : undefined;
}
