import type { App } from '../app.ts';
import type { Configs } from '../config/schema.ts';
import { Provisioner } from '../controller/provisioner.ts';
import type { Horizon } from '../controller/roster.ts';
import { createControllerService } from '../controller/service.ts';
import type { Fleet } from '../domain/fleet.ts';
import { type Authenticate, byCertificate, byToken } from '../fleet/controller/identity.ts';
import { createFleetServer, type FleetServer } from '../fleet/controller/server.ts';
import { createServer } from '../grpc/server.ts';
import { createIdentityService } from '../identity/service.ts';
import type { Log } from '../log.ts';
import { lvNameFor } from '../lvm/names.ts';
import { controllerFamilies } from '../metrics/fleet.ts';
import type { Checks } from '../metrics/health.ts';
import { createMetrics, type Families } from '../metrics/metrics.ts';
import { version } from '../version.ts';

/** Identity and Controller for the sidecars, over the nodes that attach. */
export async function createController(config: Configs['controller'], log: Log): Promise<App> {
  const { driver, endpoint } = config;
  const { listen, settle } = config.fleet;
  const kubernetes = await loadKubernetes(config, log);
  const nodes = createNodes(config, kubernetes?.authenticate, log);
  const { ready, begin } = createSettling(settle);
  const orphans = kubernetes?.watchOrphans(nodes.fleet);
  const families = joined(nodes, orphans?.families);
  const nodeGone = kubernetes?.nodeGone ?? (() => false);
  const checks = createChecks(nodes, () => server.problem(), ready);
  const metrics = config.metrics && (await createMetrics(config.metrics.listen, families, checks));
  const server = createServer({
    endpoint: endpoint.address,
    log,
    ...(metrics && { observe: metrics.observeCall }),
    services: {
      Identity: createIdentityService({ driver, version, ready }),
      Controller: createControllerService(createProvisioner(config, nodes.fleet, { nodeGone, settled: ready }), driver),
    },
  });
  return {
    async start() {
      kubernetes?.start();
      const port = await nodes.start();
      await server.start();
      await orphans?.start();
      await metrics?.start();
      begin();
      log.info({ driver, endpoint: endpoint.address, nodes: `${listen.host}:${port}`, version }, 'serving');
    },
    rescan: () => undefined,
    async stop(deadlineMs) {
      const clean = await server.stop(deadlineMs);
      await Promise.all([nodes.stop(), metrics?.stop(), orphans?.stop(), kubernetes?.stop()]);
      return clean;
    },
  };
}

/** What the provisioner must know of nodes that are not attached. */
type Outlook = Pick<Horizon, 'nodeGone'> & { readonly settled: () => boolean };

function createProvisioner({ placement }: Configs['controller'], fleet: Fleet, outlook: Outlook): Provisioner {
  const { nodeGone, settled } = outlook;
  const horizon: Horizon = {
    nodeGone,
    // A node that is named may attach at any time; for those that nobody names, all had the time once this has settled.
    awaits: (node) => node !== undefined || !settled(),
  };
  return new Provisioner({ fleet, packing: placement, lvNameFor, horizon });
}

/** The nodes look for new controllers every ten seconds: before, capacity would be told that is only not known yet. */
function createSettling(settle: number) {
  let readyAt = Number.POSITIVE_INFINITY;
  const ready = (): boolean => performance.now() >= readyAt;
  return { ready, begin: () => void (readyAt = performance.now() + settle) };
}

/**
 * Alive is whoever can be reached, by sidecars and by nodes, on an event loop that turns: else there would be no answer in the
 * time that the probe has. How many nodes are there says nothing of this process. Were it to end when they are away, it would start
 * without what it knows of them, at the very time when the network is in trouble.
 */
function createChecks(nodes: FleetServer, problem: Checks['live'], ready: () => boolean): Checks {
  return {
    live: async () => (nodes.listening() ? problem() : 'the port for nodes is closed'),
    ready: async () => (ready() ? undefined : 'the nodes are given time to attach'),
  };
}

/** Loaded only where there is Kubernetes to talk to. */
async function loadKubernetes(config: Configs['controller'], log: Log) {
  if (!config.kubernetes) return undefined;
  const { createKubernetes, createOrphanWatch } = await import('./kubernetes.ts');
  const kubernetes = createKubernetes(config, config.kubernetes, log);
  return { ...kubernetes, watchOrphans: (fleet: Fleet) => createOrphanWatch(config, fleet, kubernetes, log) };
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

function joined(nodes: FleetServer, orphans: Families | undefined): Families {
  const families = controllerFamilies(nodes.fleet, () => nodes.refused());
  return { ...families, gauges: [...(families.gauges ?? []), ...(orphans?.gauges ?? [])] };
}
