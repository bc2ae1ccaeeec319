import type { OrphanSnapshot } from './orphan-snapshots.ts';
import type { Orphan } from './sightings.ts';
import type { OrphanInit } from '../../gen/quarry/admin/v1/Orphan.ts';
import type { AdminMethods } from '../../grpc/services.ts';
import type { Orphans } from './orphans.ts';

/** An orphan takes 500 bytes at the most, and a message holds 4 MiB. */
const mostListed = 8000;

/** Answers the command line. */
export function createOrphanService(
  orphans: Orphans,
  now: () => number = Date.now,
): Pick<AdminMethods, 'listOrphans' | 'retainOrphan' | 'deleteOrphan'> {
  const describe = ({ volume, since }: Orphan): OrphanInit => ({
    id: volume.id,
    node: volume.node,
    pool: volume.pool,
    size: String(volume.size),
    name: volume.name,
    ...(volume.created !== undefined && { ageSeconds: seconds(now() - volume.created) }),
    looseSeconds: seconds(now() - since),
    connected: orphans.connected(volume),
    role: volume.role ?? '',
  });
  const describeSnapshot = ({ snapshot, since }: OrphanSnapshot): OrphanInit => ({
    id: snapshot.id,
    node: snapshot.node,
    pool: snapshot.pool,
    size: String(snapshot.size),
    name: snapshot.name,
    ageSeconds: seconds(now() - snapshot.taken),
    looseSeconds: seconds(now() - since),
    connected: orphans.connected(snapshot),
    role: 'snapshot',
  });
  return {
    async listOrphans() {
      const volumes = await orphans.list();
      const snapshots = orphans.snapshots();
      const found = [
        ...volumes.map(describe),
        ...(typeof snapshots === 'string' ? [] : snapshots.map(describeSnapshot)),
      ];
      const oldest = found.sort((a, b) => Number(b.looseSeconds) - Number(a.looseSeconds)).slice(0, mostListed);
      const snapshotsUnknown = snapshots === 'unknown';
      return { orphans: oldest, total: String(found.length), snapshotsUnknown };
    },
    async retainOrphan({ id, node }, { signal }) {
      await orphans.retain({ id, node: node || undefined }, signal);
      return {};
    },
    async deleteOrphan({ id, node }, { signal }) {
      await orphans.remove({ id, node: node || undefined }, signal);
      return {};
    },
  };
}

/** Not less than 0, because the clocks of two machines differ. */
function seconds(milliseconds: number): string {
  return String(Math.max(0, Math.floor(milliseconds / 1000)));
}
