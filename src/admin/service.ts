import type { AdminMethods } from '../grpc/services.ts';

/** What the command line asks of a node that belongs to no feature. `look` resolves when disks, groups and pools were looked at. */
export function createAdminService(look: () => Promise<unknown>): Pick<AdminMethods, 'rescan'> {
  return {
    async rescan() {
      await look();
      return {};
    },
  };
}
