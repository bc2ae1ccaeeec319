import type { Provisioner } from '../controller/provisioner.ts';
import { createControllerService } from '../controller/service.ts';
import type { ControllerMethods } from '../grpc/services.ts';
import { csiParts } from './parts.ts';

/** CSI's Controller for a driver of that name, with the methods of the features. */
export async function createCsiController(
  provisioner: Provisioner,
  driver: string,
): Promise<Partial<ControllerMethods>> {
  const { services, capabilities } = await csiParts({ driver, registry: provisioner.registry });
  return createControllerService(provisioner, driver, { methods: services.Controller ?? {}, capabilities });
}
