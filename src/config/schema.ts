import type * as z from 'zod';
import type { NodeName } from '../domain/ids.ts';
import { packings } from '../domain/placement.ts';
import { logLevels } from '../log.ts';
import { nodeNameFor } from '../lvm/names.ts';
import { absolutePath, parseDriverName, parseEndpoint, parseListen } from './addresses.ts';
import { kubernetes, registration } from './cluster.ts';
import { controllerFleet, nodeFleet } from './fleet.ts';
import { choice, duration, list, scalar, section } from './fields.ts';
import { pool } from './pools.ts';

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
  mode: choice(lvmModes).default('auto'),
  process: choice(lvmProcesses).default('shell'),
  directory: scalar('must be an absolute path', absolutePath).default('/run/quarry/lvm'),
  deadline: duration('1s', '1h').default(60_000),
});

const qos = section({
  cgroupMount: scalar('must be an absolute path', absolutePath).default('/sys/fs/cgroup'),
  cgroupRoot: scalar('must be an absolute path', absolutePath).optional(),
  interval: duration('1s', '1h').default(10_000),
});

const unixSocket = scalar(
  'must be a unix socket such as unix:///run/quarry/csi.sock, its path 107 bytes at most',
  parseEndpoint,
);

/** What every role has. */
const common = {
  driver: driver.default('lvm.quarry.csi'),
  endpoint: unixSocket,
  log: section({ level: choice(logLevels).default('info') }).prefault({}),
  metrics: section({ listen: scalar('must be host:port, such as 127.0.0.1:9809', parseListen) }).optional(),
};

/** What a role has that serves the disks of the machine it runs on. */
const machine = {
  node,
  rescan: duration('500ms', '24h').default(30_000),
  lvm: lvm.prefault({}),
  qos: qos.prefault({}),
  // Required, be it as []: an empty file is a mistake, not a driver without storage.
  pools: list(pool),
};

export const roles = ['all', 'node', 'controller'] as const;
export type Role = (typeof roles)[number];

export const schemas = {
  // Beside `all` there is a kubelet only on clusters of one node.
  all: section({ ...common, registration: registration('external'), ...machine }),
  node: section({ ...common, registration: registration('self'), ...machine, fleet: nodeFleet }),
  controller: section({
    ...common,
    operator: unixSocket,
    placement: choice(packings).default('spread'),
    fleet: controllerFleet,
    kubernetes: kubernetes.optional(),
  }),
} as const satisfies Record<Role, z.ZodType>;

/** All that the file and the environment say to a role. Durations are milliseconds. */
export type Configs = { readonly [Name in Role]: Readonly<z.output<(typeof schemas)[Name]>> };

/** What the roles that serve a machine's disks have in common. */
export type Config = Configs['all'];
