import type { Configs } from '../config/schema.ts';
import type { NodeName } from '../domain/ids.ts';
import { topologyKey } from '../domain/topology.ts';
import { createApi } from '../kubernetes/api.ts';
import { type Authenticate, createAuthenticator } from '../kubernetes/authenticate.ts';
import { type Authorize, createAuthorizer } from '../kubernetes/authorize.ts';
import { createEvents, type Events } from '../kubernetes/events.ts';
import type { Handles } from '../kubernetes/handles.ts';
import { createNodeWatch } from '../kubernetes/nodes.ts';
import { createPodWatch } from '../kubernetes/pods.ts';
import { createPersistentVolumes, type PersistentVolumes } from '../kubernetes/persistent-volumes.ts';
import { createSnapshotContents } from '../kubernetes/snapshot-contents.ts';
import type { Log } from '../log.ts';
import { nodeNameFor } from '../lvm/names.ts';

type Config = Configs['controller'];

/** A controller's view of the Kubernetes API. */
export interface Kubernetes {
  /** Absent if nodes authenticate with certificates. */
  readonly authenticate: Authenticate | undefined;
  /** Whether the bearer of a token may read the metrics. */
  readonly mayReadMetrics: Authorize;
  /** False for every node unless `nodeGone: forget` is configured. */
  readonly nodeGone: (node: NodeName) => boolean;
  readonly nodeDeleted: (node: NodeName) => boolean;
  /** The nodes that are expected to connect; `undefined` while that is not known. */
  readonly expected: () => readonly NodeName[] | undefined;
  readonly volumes: PersistentVolumes;
  /** Absent unless `snapshots: watch` is configured. */
  readonly snapshotContents: Handles | undefined;
  readonly events: Events;
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
  const ofDriver = { api, log, driver: config.driver };
  const volumes = createPersistentVolumes(ofDriver);
  const snapshotContents = options.snapshots === 'watch' ? createSnapshotContents(ofDriver) : undefined;
  const { tokenAudience: audience, serviceAccount } = config.fleet;
  const known = audience !== undefined && serviceAccount !== undefined;
  const tokens = known ? createAuthenticator({ api, audience, serviceAccount, nodeName: nodeNameFor }) : undefined;
  const gone = (uid: string): void => {
    tokens?.podGone(uid);
    podGone(uid);
  };
  const pods = known ? createPodWatch({ api, log, serviceAccount, gone }) : undefined;
  const watches = [nodes, volumes, snapshotContents, pods].filter((watch) => watch !== undefined);
  return {
    authenticate: tokens?.authenticate,
    mayReadMetrics: createAuthorizer({ api, path: '/metrics' }),
    nodeGone: (node) => nodeGone === 'forget' && nodes.gone(node),
    nodeDeleted: (node) => nodes.deleted(node),
    expected: () => nodes.expected(),
    volumes,
    snapshotContents,
    events: createEvents({ api, driver: config.driver }),
    start() {
      for (const watch of watches) watch.start();
    },
    async stop() {
      await Promise.all(watches.map((watch) => watch.stop()));
      api.close();
    },
  };
}
