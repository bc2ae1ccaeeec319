import { createRepeater } from '../concurrency/repeater.ts';
import type { Configs } from '../config/schema.ts';
import { messageOf } from '../domain/errors.ts';
import type { Fleet } from '../domain/fleet.ts';
import type { NodeName } from '../domain/ids.ts';
import { topologyKey } from '../domain/topology.ts';
import { admin } from '../grpc/load.ts';
import { createServer } from '../grpc/server.ts';
import { createApi } from '../kubernetes/api.ts';
import { type Authenticate, createAuthenticator } from '../kubernetes/authenticate.ts';
import { createNodeWatch } from '../kubernetes/nodes.ts';
import { createPodWatch } from '../kubernetes/pods.ts';
import { createPersistentVolumes, type PersistentVolumes } from '../kubernetes/persistent-volumes.ts';
import type { Log } from '../log.ts';
import { nodeNameFor } from '../lvm/names.ts';
import { orphanFamilies } from '../features/orphans/metrics.ts';
import type { Families } from '../metrics/metrics.ts';
import { Orphans } from '../features/orphans/orphans.ts';
import { createOrphanService } from '../features/orphans/service.ts';

type Config = Configs['controller'];

/** What a controller knows from the Kubernetes API. */
export interface Kubernetes {
  /** Absent where nodes show certificates. */
  readonly authenticate: Authenticate | undefined;
  /** False for every node unless the configuration says otherwise. */
  readonly nodeGone: (node: NodeName) => boolean;
  readonly nodeDeleted: (node: NodeName) => boolean;
  /** The nodes that will attach; `undefined` while that is not known. */
  readonly expected: () => readonly NodeName[] | undefined;
  readonly volumes: PersistentVolumes;
  start(): void;
  stop(): Promise<void>;
}

/** @param podGone called with the uid of each pod of the nodes' ServiceAccount that was deleted */
export function createKubernetes(
  config: Config,
  options: NonNullable<Config['kubernetes']>,
  log: Log,
  podGone: (uid: string) => void,
): Kubernetes {
  const { server, tokenFile, caFile, nodeGone, nodeGoneAfter } = options;
  const api = createApi({ server, tokenFile, caFile });
  const label = topologyKey(config.driver);
  const nodes = createNodeWatch({ api, log, nodeName: nodeNameFor, label, grace: nodeGoneAfter });
  const volumes = createPersistentVolumes({ api, log, driver: config.driver });
  const { tokenAudience: audience, serviceAccount } = config.fleet;
  const known = audience !== undefined && serviceAccount !== undefined;
  const tokens = known ? createAuthenticator({ api, audience, serviceAccount, nodeName: nodeNameFor }) : undefined;
  const gone = (uid: string): void => {
    tokens?.podGone(uid);
    podGone(uid);
  };
  const pods = known ? createPodWatch({ api, log, serviceAccount, gone }) : undefined;
  return {
    authenticate: tokens?.authenticate,
    nodeGone: (node) => nodeGone === 'forget' && nodes.gone(node),
    nodeDeleted: (node) => nodes.deleted(node),
    expected: () => nodes.expected(),
    volumes,
    start() {
      nodes.start();
      volumes.start();
      pods?.start();
    },
    async stop() {
      await Promise.all([nodes.stop(), volumes.stop(), pods?.stop()]);
      api.close();
    },
  };
}

/** Milliseconds between two looks for orphans. */
const lookAgain = 30_000;

/** Reports orphans, and does about one of them what a person on this machine asks for. */
export function createOrphanWatch(config: Config, fleet: Fleet, { volumes }: Kubernetes, log: Log) {
  const grace = config.kubernetes?.orphansAfter ?? Number.POSITIVE_INFINITY;
  const orphans = new Orphans({ fleet, claims: volumes, grace });
  const looks = createRepeater({
    task: () => orphans.look(),
    every: lookAgain,
    delay: 0,
    failed: (error) => log.error({ reason: messageOf(error) }, 'orphans cannot be looked for'),
  });
  const server = createServer({
    endpoint: config.admin.address,
    interface: admin,
    services: { Admin: createOrphanService(orphans) },
    log,
  });
  const families: Families = orphanFamilies(orphans);
  return {
    families,
    async start() {
      await server.start();
      looks.now();
    },
    async stop() {
      await looks.stop();
      await server.stop(0);
    },
  };
}
