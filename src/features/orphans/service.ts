import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Orphan } from './sightings.ts';
import type { OrphanInit } from '../../gen/quarry/admin/v1/Orphan.ts';
import type { AdminMethods } from '../../grpc/services.ts';
import type { Orphans } from './orphans.ts';
import type { OrphanRemoval } from './removal.ts';

/** An orphan takes 500 bytes at the most, and a message holds 4 MiB. */
const mostListed = 8000;

/** Answers the command line. */
export function createOrphanService(
  orphans: Orphans,
  removal: OrphanRemoval,
  now: () => number = Date.now,
): Pick<AdminMethods, 'listOrphans' | 'retainOrphan' | 'deleteOrphan'> {
  const describe = (found: Found): OrphanInit => describeAt(found, now(), orphans.connected(found.one));
  return {
    async listOrphans() {
      const volumes = await orphans.list();
      const snapshots = orphans.snapshots();
      const known = typeof snapshots === 'string' ? [] : snapshots;
      const found = [...volumes.map(ofVolume), ...known.map(ofSnapshot)].sort((a, b) => a.since - b.since);
      return {
        orphans: found.slice(0, mostListed).map(describe),
        total: String(found.length),
        snapshotsUnknown: snapshots === 'unknown',
      };
    },
    async retainOrphan({ id, node }, { signal }) {
      await removal.retain({ id, node: node || undefined }, signal);
      return {};
    },
    async deleteOrphan({ id, node }, { signal }) {
      await removal.remove({ id, node: node || undefined }, signal);
      return {};
    },
  };
}

/** A volume or a snapshot; times in milliseconds since the epoch. */
interface Found {
  readonly one: Pick<Volume | Snapshot, 'id' | 'node' | 'pool' | 'size' | 'name'>;
  readonly role: string;
  readonly group?: string | undefined;
  readonly created: number | undefined;
  readonly since: number;
}

const ofVolume = ({ one, since }: Orphan): Found => ({
  one,
  role: one.role ?? '',
  created: one.created,
  since,
});

const ofSnapshot = ({ one, since }: Orphan<Snapshot>): Found => ({
  one,
  role: 'snapshot',
  group: one.memberOf?.id,
  created: one.taken,
  since,
});

function describeAt({ one, role, group = '', created, since }: Found, now: number, connected: boolean): OrphanInit {
  const { id, node, pool, size, name } = one;
  const ageSeconds = created === undefined ? {} : { ageSeconds: seconds(now - created) };
  return {
    id,
    node,
    pool,
    size: String(size),
    name,
    ...ageSeconds,
    looseSeconds: seconds(now - since),
    connected,
    role,
    group,
  };
}

/** Not less than 0, because the clocks of two machines differ. */
function seconds(milliseconds: number): string {
  return String(Math.max(0, Math.floor(milliseconds / 1000)));
}
