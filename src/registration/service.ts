import type { RegistrationMethods } from '../grpc/services.ts';

export interface RegistrationServiceOptions {
  readonly driver: string;
  /** The path of the CSI socket, as kubelet sees it. */
  readonly endpoint: string;
  /** Called with what came of each attempt of kubelet: its own words where it refused. */
  readonly told: (refusal: string | undefined) => void;
}

/** What kubelet asks of a plugin. Its "1.0.0" stands for every CSI 1.x. */
export function createRegistrationService({ driver, endpoint, told }: RegistrationServiceOptions): RegistrationMethods {
  return {
    async getInfo() {
      return { type: 'CSIPlugin', name: driver, endpoint, supportedVersions: ['1.0.0'] };
    },
    async notifyRegistrationStatus({ pluginRegistered, error }) {
      told(pluginRegistered ? undefined : error || 'kubelet gave no reason');
      return {};
    },
  };
}
