import type { App } from '../app.ts';
import type { Configs } from '../config/schema.ts';
import { Provisioner } from '../controller/provisioner.ts';
import type { Horizon } from '../controller/roster.ts';
import { createControllerService } from '../controller/service.ts';
import { Failure } from '../domain/errors.ts';
import type { Fleet } from '../domain/fleet.ts';
import { byCertificate, type Identify } from '../fleet/controller/identity.ts';
import { createFleetServer } from '../fleet/controller/server.ts';
import { createServer } from '../grpc/server.ts';
import { createIdentityService } from '../identity/service.ts';
import type { Log } from '../log.ts';
import { lvNameFor } from '../lvm/names.ts';
import { controllerFamilies } from '../metrics/fleet.ts';
import type { Checks } from '../metrics/health.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { version } from '../version.ts';

/** Identity and Controller for the sidecars, over the nodes that attach. */
export async function createController(config: Configs['controller'], log: Log): Promise<App> {
  const { driver, endpoint } = config;
  const { listen, certificate, key, clientCa, settle } = config.fleet;
  const nodes = createFleetServer({
    ...listen,
    files: { certificate, key, ca: clientCa },
    identify: identifyBy(config),
    driver,
    driverVersion: version,
    log,
  });
  const { checks, ready, begin } = createSettling(settle);
  const families = controllerFamilies(nodes.fleet, () => nodes.refused());
  const metrics = config.metrics && (await createMetrics(config.metrics.listen, families, checks));
  const server = createServer({
    endpoint: endpoint.address,
    log,
    ...(metrics && { observe: metrics.observeCall }),
    services: {
      Identity: createIdentityService({ driver, version, ready }),
      Controller: createControllerService(createProvisioner(config, nodes.fleet, ready), driver),
    },
  });
  return {
    async start() {
      const port = await nodes.start();
      await server.start();
      await metrics?.start();
      begin();
      log.info({ driver, endpoint: endpoint.address, nodes: `${listen.host}:${port}`, version }, 'serving');
    },
    rescan: () => undefined,
    async stop(deadlineMs) {
      const clean = await server.stop(deadlineMs);
      await Promise.all([nodes.stop(), metrics?.stop()]);
      return clean;
    },
  };
}

function createProvisioner({ placement }: Configs['controller'], fleet: Fleet, settled: () => boolean): Provisioner {
  const horizon: Horizon = {
    nodeGone: () => false,
    // A node that is named may attach at any time; for those that nobody names, all had the time once this has settled.
    awaits: (node) => node !== undefined || !settled(),
  };
  return new Provisioner({ fleet, packing: placement, lvNameFor, horizon });
}

/** The nodes look for new controllers every ten seconds: before, capacity would be told that is only not known yet. */
function createSettling(settle: number) {
  let readyAt = Number.POSITIVE_INFINITY;
  const ready = (): boolean => performance.now() >= readyAt;
  const checks: Checks = {
    live: async () => undefined,
    ready: async () => (ready() ? undefined : 'the nodes are given time to attach'),
  };
  return { checks, ready, begin: () => void (readyAt = performance.now() + settle) };
}

function identifyBy({ fleet }: Configs['controller']): Identify {
  if (fleet.clientCa !== undefined) return byCertificate();
  throw new Failure('unimplemented', 'fleet.tokenAudience: tokens are not checked yet: use clientCa');
}
