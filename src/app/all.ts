import type { App } from './app.ts';
import type { Configs } from '../config/schema.ts';
import { Provisioner } from '../controller/provisioner.ts';
import { fleetOf } from '../domain/fleet.ts';
import type { Log } from '../log.ts';
import { lvNameFor } from '../lvm/names.ts';
import { buildFamilies } from '../metrics/process.ts';
import { createCsiServices } from './csi.ts';
import { createMachine } from './machine.ts';

/** One process for everything: Identity, Controller and Node on one socket, with this machine's LVM. */
export function createAll(config: Configs['all'], log: Log): Promise<App> {
  return createMachine(config, log, async (storage) => {
    const fleet = fleetOf(storage, Date.now());
    const provisioner = new Provisioner({ fleet, packing: 'spread', lvNameFor });
    return { services: await createCsiServices(provisioner, config.driver), metrics: buildFamilies('all') };
  });
}
