import type { RegistrationMethods } from '../grpc/services.ts';

export interface RegistrationServiceOptions {
  readonly driver: string;
  /** The path of the CSI socket, as kubelet sees it. */
  readonly endpoint: string;
  /** Called after each attempt of kubelet, with its error if it refused. */
  readonly attempted: (refusal: string | undefined) => void;
}

/** Kubelet's calls to a plugin. Its "1.0.0" means every CSI 1.x. */
export function createRegistrationService({
  driver,
  endpoint,
  attempted,
}: RegistrationServiceOptions): RegistrationMethods {
  return {
    async getInfo() {
      return { type: 'CSIPlugin', name: driver, endpoint, supportedVersions: ['1.0.0'] };
    },
    async notifyRegistrationStatus({ pluginRegistered, error }) {
      attempted(pluginRegistered ? undefined : error || 'kubelet gave no reason');
      return {};
    },
  };
}
