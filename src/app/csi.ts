import type { Provisioner } from '../controller/provisioner.ts';
import { createControllerService } from '../controller/service.ts';
import type { Services } from '../grpc/services.ts';
import { csiParts } from './parts.ts';

/** The CSI services of a role that serves CSI's Controller, for a driver of that name, with those of the features. */
export async function createCsiServices(provisioner: Provisioner, driver: string): Promise<Services> {
  const { services, capabilities } = await csiParts({ driver, registry: provisioner.registry });
  const methods = services.Controller ?? {};
  return { ...services, Controller: createControllerService(provisioner, driver, { methods, capabilities }) };
}
