import type { IdentityMethods } from '../grpc/services.ts';

export interface IdentityOptions {
  readonly driver: string;
  readonly version: string;
  /** True once LVM has answered and the groups that exist are active. Must not wait for LVM: probes are frequent. */
  readonly ready: () => boolean;
}

/** CSI Identity. Probe answers from memory. */
export function createIdentityService({ driver, version, ready }: IdentityOptions): IdentityMethods {
  return {
    async getPluginInfo() {
      return { name: driver, vendorVersion: version, manifest: {} };
    },
    async getPluginCapabilities() {
      return {
        capabilities: [
          { service: { type: 'CONTROLLER_SERVICE' } },
          { service: { type: 'GROUP_CONTROLLER_SERVICE' } },
          { service: { type: 'VOLUME_ACCESSIBILITY_CONSTRAINTS' } },
          { service: { type: 'SNAPSHOT_ACCESSIBILITY_CONSTRAINTS' } },
          { service: { type: 'SNAPSHOT_METADATA_SERVICE' } },
          { volumeExpansion: { type: 'ONLINE' } },
        ],
      };
    },
    async probe() {
      return { ready: { value: ready() } };
    },
  };
}
