import { absolutePath, parseEndpoint } from './addresses.ts';
import { choice, duration, scalar, section } from './fields.ts';

export const registrationModes = ['self', 'external'] as const;
/** `self`: the driver registers with kubelet; `external`: a sidecar does. */
export type RegistrationMode = (typeof registrationModes)[number];

/** How kubelet comes to know the driver. */
export const registration = (mode: RegistrationMode) =>
  section({
    mode: choice(registrationModes).default(mode).meta({
      description:
        'How kubelet comes to know the driver. `self`: the driver registers itself; `external`: node-driver-registrar does, or there is no kubelet.',
      otherwise: '`self` of `quarry node`, `external` of `quarry all`',
    }),
    directory: scalar('must be an absolute path', absolutePath)
      .default('/var/lib/kubelet/plugins_registry')
      .describe(
        "Kubelet's folder for such sockets; Quarry's is `<driver>-reg.sock`. It is put back when somebody takes it away, and taken away when Quarry ends.",
      ),
    endpoint: scalar('must be a unix socket as kubelet sees it, its path 107 bytes at most', parseEndpoint)
      .optional()
      .meta({
        description: 'The socket of the CSI services as kubelet sees it, where its path differs inside a container.',
        otherwise: '`endpoint`',
      }),
  }).prefault({});

const credentials = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The API server that a controller asks who a node is and what Kubernetes has claimed. */
export const kubernetes = section({
  server: scalar('must be a URL such as https://10.96.0.1:443; http only on this machine', parseServer).meta({
    description: 'URL of the API server; `http` only to a proxy on the same machine.',
    otherwise: 'that of the pod, from `KUBERNETES_SERVICE_HOST` and `_PORT`',
  }),
  tokenFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/token`).meta({
    description: 'The token that the controller shows; read again for each request.',
    otherwise: "that of the pod's ServiceAccount",
  }),
  caFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/ca.crt`).meta({
    description: 'PEM file of the authorities of the API server; read again for each request.',
    otherwise: "that of the pod's ServiceAccount",
  }),
  nodeGone: choice(['keep', 'forget'])
    .default('keep')
    .describe(
      '`forget`: a node whose Node object is gone took its disks with it, and its volumes are deleted as records. `keep`: they wait for it. No new volume waits for such a node either way.',
    ),
  nodeGoneAfter: duration('1m', '8760h')
    .default(3_600_000)
    .describe(
      'How long the Node must have been gone, all of it watched by this controller without a gap; 1m to 8760h.',
    ),
  orphansAfter: duration('1m', '8760h')
    .default(900_000)
    .describe('How long a volume is in no PersistentVolume before it is reported; 1m to 8760h.'),
});

/** Our token goes there: in the clear only to a proxy on this machine. */
function parseServer(text: string): URL | undefined {
  const url = URL.parse(text);
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '');
  return url && (url.protocol === 'https:' || (url.protocol === 'http:' && local)) ? url : undefined;
}
