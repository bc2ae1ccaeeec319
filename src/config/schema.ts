import type * as z from 'zod';
import { MiB } from '../domain/bytes.ts';
import type { NodeName } from '../domain/ids.ts';
import { packings } from '../domain/placement.ts';
import { logLevels } from '../log.ts';
import { nodeNameFor } from '../lvm/names.ts';
import { absolutePath, parseDriverName, parseEndpoint, parseListen, parseLoopback } from './addresses.ts';
import { kubernetes, kubernetesAccess, registration } from './cluster.ts';
import { controllerFleet, nodeFleet } from './fleet.ts';
import { jobs } from './jobs.ts';
import { bytes, choice, duration, list, scalar, section } from './fields.ts';
import { pool, poolName } from './pools.ts';

const lvmModes = ['auto', 'host', 'container', 'direct'] as const;
const lvmProcesses = ['shell', 'command'] as const;

const driver = scalar(
  'must be a lower-case domain name of at most 63 characters that begins and ends with a letter',
  parseDriverName,
);

const node = scalar('must be a node name: letters, digits, "-" and ".", a letter or digit at both ends', readNode);

function readNode(text: string): NodeName | undefined {
  try {
    return nodeNameFor(text);
  } catch {
    return undefined;
  }
}

const lvm = section({
  mode: choice(lvmModes)
    .default('auto')
    .describe(
      "Where LVM's programs run: `host` in the host's namespaces (nsenter into those of process 1), `container` in the driver's own container, without udev and dmeventd, `direct` if the driver runs on the host itself; `auto` detects it.",
    ),
  process: choice(lvmProcesses)
    .default('shell')
    .describe(
      '`shell` runs commands in long-lived LVM processes; `command` starts a process for each command: slower, in case `shell` fails.',
    ),
  directory: scalar('must be an absolute path', absolutePath)
    .default('/run/quarry/lvm')
    .describe('Absolute path of the LVM configuration that Quarry generates for its own commands.'),
  deadline: duration('1s', '1h')
    .default(60_000)
    .describe('An LVM command that runs longer is killed, and the state is read again; 1s to 1h.'),
  slowDeadline: duration('1m', '24h')
    .default(3_600_000)
    .describe(
      "The same for the activation of a volume group and the creation of a thin pool: LVM checks or zeroes the pool's metadata, which takes minutes for gigabytes. 1m to 24h.",
    ),
});

const qos = section({
  cgroupMount: scalar('must be an absolute path', absolutePath)
    .default('/sys/fs/cgroup')
    .describe('Where the driver sees the cgroup filesystem of the host.'),
  cgroupRoot: scalar('must be an absolute path', absolutePath).optional().meta({
    description:
      "The cgroup below which kubelet keeps `kubepods` or `kubepods.slice`, such as `/custom`: kubelet's `--cgroup-root`.",
    otherwise: 'searched for, three levels deep',
  }),
  interval: duration('1s', '1h')
    .default(10_000)
    .describe('How often limits are compared with the cgroups if nothing else triggers it; 1s to 1h.'),
});

const snapshots = section({
  pauseLimit: duration('100ms', '1m')
    .default(5000)
    .describe(
      'How long writes to the volumes of a group snapshot may pause, 100ms to 1m. If the snapshots are not taken by then, writes go on, nothing is left, and the call is UNAVAILABLE.',
    ),
});

const inline = section({
  pools: list(poolName).optional().meta({
    description: 'The pools in which pods may have inline volumes; `[]`: none.',
    otherwise: 'all',
  }),
  maxSize: bytes(1n * MiB)
    .optional()
    .meta({
      description:
        'The most bytes that an inline volume may have, at least 1Mi: no quota of Kubernetes counts them. A larger one is refused.',
      otherwise: 'what the pool has room for',
    }),
});

const unixSocket = scalar(
  'must be a unix socket such as unix:///run/quarry/csi.sock, its path 107 bytes at most',
  parseEndpoint,
);

/** The keys of every role. */
const metricsListen = scalar('must be host:port, such as 127.0.0.1:9809', parseListen).meta({
  description:
    '`host:port` of the metrics and of the probes `/healthz` and `/readyz`, such as `127.0.0.1:9809` or `[::1]:9809`. Port 0 picks a free one.',
  otherwise: 'no listener without `metrics`',
});

const common = {
  driver: driver
    .default('lvm.quarry.csi')
    .describe(
      'Name of the CSI driver and prefix of its topology key. A lower-case domain name, at most 63 characters, with a letter at both ends.',
    ),
  endpoint: unixSocket.meta({
    description:
      'Unix socket of the CSI services: `unix:///path`, `unix:/path` or `/path`; the path at most 107 bytes.',
    otherwise: 'environment variable `CSI_ENDPOINT`, else `unix:///run/quarry/csi.sock`',
  }),
  log: section({ level: choice(logLevels).default('info').describe('`debug`, `info`, `warn` or `error`.') }).prefault(
    {},
  ),
};

const statusPage = section({
  listen: scalar('must be a port of loopback, such as 127.0.0.1:9811', parseLoopback).meta({
    description:
      'Port of loopback on which the controller serves the status page, such as `127.0.0.1:9811`. It asks for no token: programs of the same machine or pod, and users who may forward a port to it, can read it.',
    otherwise: 'no status page without `statusPage`',
  }),
});

const plainMetrics = section({ listen: metricsListen }).optional();

function secureListen(certificate: string) {
  return scalar('must be host:port, such as 0.0.0.0:9810', parseListen)
    .optional()
    .meta({
      description: `\`host:port\` of the metrics over TLS, with ${certificate}, for callers whose bearer token the API server lets \`get\` the nonResourceURL \`/metrics\`. \`listen\` then answers the probes only. Needs \`kubernetes\`.`,
      otherwise: '`listen` serves the metrics to all callers',
    });
}

const metricsFile = scalar('must be an absolute path', absolutePath).optional();

/** A node has no certificate for the fleet, so that of its metrics is its own. */
const nodeMetrics = section({
  listen: metricsListen,
  secureListen: secureListen('`certificate`'),
  certificate: metricsFile.describe(
    'PEM file with the certificate of `secureListen`; read again when it was replaced.',
  ),
  key: metricsFile.describe('PEM file with its private key.'),
}).optional();

/** The keys of a role that serves the disks of its machine. */
const machine = {
  node: node.meta({
    description:
      'Name of this node in volume ids and topology: the name of the Kubernetes node. A name longer than 63 characters is hashed.',
    otherwise: 'environment variable `NODE_NAME`, else the hostname',
  }),
  rescan: duration('500ms', '24h')
    .default(30_000)
    .describe('How often disks and volume groups are checked; 500ms to 24h.'),
  lvm: lvm.prefault({}),
  qos: qos.prefault({}),
  jobs: jobs.prefault({}),
  snapshots: snapshots.prefault({}),
  inline: inline.prefault({}),
  // Required, even as []: an empty file is a mistake, not a driver without storage.
  pools: list(pool).describe('List of pools; `[]` for none.'),
};

export const roles = ['all', 'node', 'controller'] as const;
/** The role of a process; each has its own schema. */
export type Role = (typeof roles)[number];

export const schemas = {
  // `all` runs next to a kubelet only on clusters of one node.
  all: section({ ...common, metrics: plainMetrics, registration: registration('external'), ...machine }),
  node: section({
    ...common,
    metrics: nodeMetrics,
    registration: registration('self'),
    ...machine,
    fleet: nodeFleet,
    kubernetes: kubernetesAccess.optional(),
  }),
  controller: section({
    ...common,
    metrics: section({
      listen: metricsListen,
      secureListen: secureListen('the certificate of `fleet`'),
    }).optional(),
    admin: unixSocket.meta({
      description:
        'Unix socket on which the controller serves `quarry orphans` on the same machine. Only the user of the controller may open it.',
      otherwise: '`admin.sock` in the folder of `endpoint`',
    }),
    statusPage: statusPage.optional(),
    placement: choice(packings)
      .default('spread')
      .describe(
        'How a controller chooses among equally suitable nodes: `spread` takes the one with the most room, `pack` the one with the least room that is enough.',
      ),
    fleet: controllerFleet,
    kubernetes: kubernetes.optional(),
  }),
} as const satisfies Record<Role, z.ZodType>;

/** The configuration of each role, from file and environment. Durations are milliseconds. */
export type Configs = { readonly [Name in Role]: Readonly<z.output<(typeof schemas)[Name]>> };

/** The configuration that the roles with disks have in common. */
export type Config = Configs['all'];
