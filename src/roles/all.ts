import type { App } from '../app.ts';
import type { Configs } from '../config/schema.ts';
import { Provisioner } from '../controller/provisioner.ts';
import { createControllerService } from '../controller/service.ts';
import type { Log } from '../log.ts';
import { createMachine } from './machine.ts';

/** Everything in one process: Identity, Controller and Node on one socket, over the LVM of this machine. */
export function createAll(config: Configs['all'], log: Log): Promise<App> {
  const { driver, pools } = config;
  return createMachine(config, log, (storage) => ({
    services: { Controller: createControllerService(new Provisioner(storage, pools), driver) },
  }));
}
