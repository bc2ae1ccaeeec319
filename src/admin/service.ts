import type { AdminMethods } from '../grpc/services.ts';

/** The command line's call to a node that belongs to no feature. `look` resolves after disks, groups and pools were reconciled. */
export function createAdminService(look: () => Promise<unknown>): Pick<AdminMethods, 'rescan'> {
  return {
    async rescan() {
      await look();
      return {};
    },
  };
}
