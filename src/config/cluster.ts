import { absolutePath, parseEndpoint } from './addresses.ts';
import { choice, duration, scalar, section } from './fields.ts';

export const registrationModes = ['self', 'external'] as const;
/** `self`: the driver registers with kubelet; `external`: a sidecar does. */
export type RegistrationMode = (typeof registrationModes)[number];

/** How the driver is registered with kubelet. */
export const registration = (mode: RegistrationMode) =>
  section({
    mode: choice(registrationModes).default(mode).meta({
      description:
        'How the driver is registered with kubelet. `self`: the driver registers itself; `external`: node-driver-registrar does, or there is no kubelet.',
      otherwise: '`self` for `quarry node`, `external` for `quarry all`',
    }),
    directory: scalar('must be an absolute path', absolutePath)
      .default('/var/lib/kubelet/plugins_registry')
      .describe(
        "Kubelet's folder for registration sockets; Quarry's is `<driver>-reg.sock`. Quarry makes it again if it is deleted, and removes it when it stops.",
      ),
    endpoint: scalar('must be a unix socket as kubelet sees it, its path 107 bytes at most', parseEndpoint)
      .optional()
      .meta({
        description: 'The socket of the CSI services as kubelet sees it, if its path differs inside the container.',
        otherwise: '`endpoint`',
      }),
  }).prefault({});

const credentials = '/var/run/secrets/kubernetes.io/serviceaccount';

const access = {
  server: scalar('must be a URL such as https://10.96.0.1:443; http only on this machine', parseServer).meta({
    description: 'URL of the API server; `http` only to a proxy on the same machine.',
    otherwise: "the pod's, from `KUBERNETES_SERVICE_HOST` and `_PORT`",
  }),
  tokenFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/token`).meta({
    description: 'File with the bearer token of the process; read again for each request.',
    otherwise: "the token of the pod's ServiceAccount",
  }),
  caFile: scalar('must be an absolute path', absolutePath).default(`${credentials}/ca.crt`).meta({
    description: 'PEM file with the certificate authorities of the API server; read again for each request.',
    otherwise: "the file of the pod's ServiceAccount",
  }),
};

/** The API server that a node asks who reads its metrics. */
export const kubernetesAccess = section(access);

/** The API server that a controller reads: who a node is, which volumes have PersistentVolumes. */
export const kubernetes = section({
  ...access,
  nodeGone: choice(['keep', 'forget'])
    .default('keep')
    .describe(
      '`forget`: a node whose Node object is gone counts as gone with its disks, and DeleteVolume of its volumes succeeds. `keep`: DeleteVolume fails until the node connects again. New volumes go to other nodes in both cases.',
    ),
  nodeGoneAfter: duration('1m', '8760h')
    .default(3_600_000)
    .describe('How long the Node object must have been gone while this controller watched without a gap; 1m to 8760h.'),
  orphansAfter: duration('1m', '8760h')
    .default(900_000)
    .describe('How long a volume must be in no PersistentVolume before it is reported as an orphan; 1m to 8760h.'),
  snapshots: choice(['watch', 'ignore'])
    .default('ignore')
    .describe(
      '`watch`: `quarry orphans` lists snapshots, too, that are in no VolumeSnapshotContent for as long. For clusters that have these objects.',
    ),
});

/** The token is sent there: unencrypted only to a proxy on this machine. */
function parseServer(text: string): URL | undefined {
  const url = URL.parse(text);
  const local = ['127.0.0.1', '[::1]', 'localhost'].includes(url?.hostname ?? '');
  return url && (url.protocol === 'https:' || (url.protocol === 'http:' && local)) ? url : undefined;
}
