import type { App } from './app.ts';
import type { Configs } from '../config/schema.ts';
import type { Provisioner } from '../controller/provisioner.ts';
import type { Settling } from '../controller/settling.ts';
import { type Authenticate, byCertificate, byToken } from '../fleet/server/identity.ts';
import { createFleetServer, type FleetServer } from '../fleet/server/server.ts';
import { admin } from '../grpc/load.ts';
import { createServer } from '../grpc/server.ts';
import { createIdentityService } from '../identity/service.ts';
import type { Log } from '../log.ts';
import { controllerFamilies, fleetInventories } from '../metrics/fleet.ts';
import type { Checks } from '../metrics/health.ts';
import { createMetrics, type Families, joinFamilies } from '../metrics/metrics.ts';
import { poolGauges } from '../metrics/pools.ts';
import { buildFamilies, certificateFamilies } from '../metrics/process.ts';
import { contentGauges } from '../metrics/volumes.ts';
import { version } from '../version.ts';
import { createCsiServices } from './csi.ts';
import type { Kubernetes } from './kubernetes.ts';
import { controllerParts, type JoinedParts } from './parts.ts';
import { createProvisioning } from './provisioning.ts';

/** Identity and Controller for the sidecars, with the storage of the nodes that connect. */
export async function createController(config: Configs['controller'], log: Log): Promise<App> {
  const { driver, endpoint, fleet } = config;
  const kubernetes = await loadKubernetes(config, log, (uid) => nodes.podGone(uid));
  const nodes = createNodes(config, kubernetes?.authenticate, log);
  const provisioning = createProvisioning(config, nodes.fleet, kubernetes, log);
  const { settling, provisioner } = provisioning;
  const used = usedByFeatures(kubernetes, provisioner);
  const parts = await controllerParts({ config, fleet: nodes.fleet, ...used, log });
  const adminServer = createAdminServer(config, parts, log);
  const checks = createChecks(nodes, () => server.problem(), settling);
  const metrics = await metricsOf(config, kubernetes, familiesOf(config, nodes, parts), checks, log);
  const server = createServer({
    endpoint: endpoint.address,
    log,
    ...(metrics && { observe: metrics.observeCall }),
    services: {
      Identity: createIdentityService({ driver, version, ready: () => settling.settled() }),
      ...(await createCsiServices(provisioner, driver)),
      ...parts.services,
    },
  });
  return {
    async start() {
      kubernetes?.start();
      const port = await nodes.start();
      await Promise.all([server.start(), adminServer?.start()]);
      parts.start();
      await metrics?.start();
      provisioning.start();
      log.info({ driver, endpoint: endpoint.address, nodes: `${fleet.listen.host}:${port}`, version }, 'serving');
    },
    rescan: () => undefined,
    async stop(deadlineMs) {
      const clean = await server.stop(deadlineMs);
      await Promise.all([parts.stop(deadlineMs), adminServer?.stop(0), provisioning.stop()]);
      await Promise.all([nodes.stop(), metrics?.stop(), kubernetes?.stop()]);
      return clean;
    },
  };
}

/**
 * Liveness: sidecars and nodes can connect; a blocked event loop lets the probe time out. Disconnected nodes don't count: a restart would
 * lose what the controller knows of them while the network fails.
 */
function createChecks(nodes: FleetServer, problem: Checks['live'], settling: Settling): Checks {
  return {
    live: async () => (nodes.listening() ? problem() : 'the port for nodes is closed'),
    ready: async () => settling.problem(),
  };
}

/** Loads the client of the API server only if the configuration has one. */
async function loadKubernetes(config: Configs['controller'], log: Log, podGone: (uid: string) => void) {
  if (!config.kubernetes) return undefined;
  const { createKubernetes } = await import('./kubernetes.ts');
  return createKubernetes(config, config.kubernetes, log, podGone);
}

/** What features use of Kubernetes, and of the creation of volumes. */
function usedByFeatures(
  kubernetes: Awaited<ReturnType<typeof loadKubernetes>>,
  { refusedReservations }: Pick<Provisioner, 'refusedReservations'>,
) {
  return {
    refusedReservations,
    persistentVolumes: kubernetes?.volumes,
    snapshotContents: kubernetes?.snapshotContents,
    events: kubernetes?.events,
  };
}

function createNodes({ driver, fleet }: Configs['controller'], authenticate: Authenticate | undefined, log: Log) {
  const { listen, certificate, key, clientCa } = fleet;
  return createFleetServer({
    ...listen,
    files: { certificate, key, ca: clientCa },
    identify: authenticate ? byToken(authenticate) : byCertificate(),
    driver,
    driverVersion: version,
    log,
  });
}

/** The metrics, over TLS with `secureListen`; absent if the configuration has none. */
async function metricsOf(
  { metrics, fleet }: Configs['controller'],
  kubernetes: Kubernetes | undefined,
  families: Families,
  checks: Checks,
  log: Log,
) {
  if (!metrics) return undefined;
  const { listen, secureListen } = metrics;
  if (!secureListen || !kubernetes) return createMetrics(listen, families, checks);
  const { certificate, key } = fleet;
  const secure = { listen: secureListen, certificate, key, authorize: kubernetes.mayReadMetrics, log };
  return createMetrics(listen, families, checks, secure);
}

function familiesOf({ fleet }: Configs['controller'], nodes: FleetServer, { metrics }: JoinedParts): Families {
  const inventories = fleetInventories(nodes.fleet);
  const pools = { gauges: [...poolGauges(inventories), ...contentGauges(inventories)] };
  const own = [buildFamilies('controller'), certificateFamilies(fleet.certificate)];
  return joinFamilies([...own, controllerFamilies(nodes.fleet, () => nodes.refused()), pools, metrics]);
}

/** The server for the command line; absent if no feature has calls for it. */
function createAdminServer(config: Configs['controller'], { admin: methods }: JoinedParts, log: Log) {
  if (!methods) return undefined;
  return createServer({ endpoint: config.admin.address, interface: admin, services: { Admin: methods }, log });
}
