import type { Orphan } from '../domain/orphans.ts';
import type { OrphanInit } from '../gen/quarry/operator/v1/Orphan.ts';
import type { OperatorMethods } from '../grpc/services.ts';
import type { Orphans } from './orphans.ts';

/** What the command line asks of a controller. */
export function createOrphanService(
  orphans: Orphans,
  now: () => number = Date.now,
): Pick<OperatorMethods, 'listOrphans' | 'releaseOrphan' | 'deleteOrphan'> {
  const describe = ({ volume, since }: Orphan): OrphanInit => ({
    id: volume.id,
    node: volume.node,
    pool: volume.pool,
    size: String(volume.size),
    name: volume.name,
    ...(volume.created !== undefined && { ageSeconds: seconds(now() - volume.created) }),
    looseSeconds: seconds(now() - since),
    attached: orphans.attached(volume),
  });
  return {
    async listOrphans() {
      return { orphans: orphans.list().map(describe) };
    },
    async releaseOrphan({ id }, { signal }) {
      await orphans.release(id, signal);
      return {};
    },
    async deleteOrphan({ id }, { signal }) {
      await orphans.remove(id, signal);
      return {};
    },
  };
}

/** The clocks of two machines differ: nothing is younger than now. */
function seconds(milliseconds: number): string {
  return String(Math.max(0, Math.floor(milliseconds / 1000)));
}
