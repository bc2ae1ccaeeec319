import type { App } from './app.ts';
import type { Configs } from '../config/schema.ts';
import { FleetClient } from '../fleet/client/client.ts';
import type { Log } from '../log.ts';
import { nodeFamilies } from '../metrics/fleet.ts';
import { joinFamilies } from '../metrics/metrics.ts';
import { buildFamilies, certificateFamilies } from '../metrics/process.ts';
import { version } from '../version.ts';
import { createMachine } from './machine.ts';
import { loadReviews } from './reviews.ts';

/** Identity and Node for kubelet, and this machine's storage for the controllers. */
export function createNode(config: Configs['node'], log: Log): Promise<App> {
  const { driver, fleet, metrics } = config;
  return createMachine(config, log, async (storage) => {
    const { controllers, token, ca, certificate, key } = fleet;
    const files = { ca, certificate, key };
    const client = new FleetClient({ controllers, token, files, storage, driver, driverVersion: version, log });
    const reviews = await loadReviews(config, log);
    return {
      metrics: joinFamilies([
        nodeFamilies(() => client.connected),
        buildFamilies('node'),
        certificateFamilies(metrics?.certificate ?? certificate),
      ]),
      secure: reviews?.secure,
      start: () => client.start(),
      changed: () => client.changed(),
      async stop(deadlineMs) {
        await client.stop(deadlineMs);
        reviews?.close();
      },
    };
  });
}
