import type { Terminal } from '../../cli/command.ts';
import type { Listing } from '../../cli/output.ts';
import { withFleet } from './fleet-calls.ts';
import type { NodeRecord, PoolRecord, SnapshotRecord, VolumeRecord } from './records.ts';

/** Which records are wanted; a part that is absent does not matter. */
interface Given {
  readonly config: string;
  readonly node?: string | undefined;
  readonly pool?: string | undefined;
  readonly namespace?: string | undefined;
}

export async function listNodes({ config }: Given, terminal: Terminal): Promise<Listing<NodeRecord>> {
  return withFleet(config, terminal, async (fleet) => ({ records: await fleet.nodes() }));
}

export async function listPools(given: Given, terminal: Terminal): Promise<Listing<PoolRecord>> {
  return withFleet(given.config, terminal, async (fleet) => wanted(given, await fleet.pools()));
}

export async function listVolumes(given: Given, terminal: Terminal): Promise<Listing<VolumeRecord>> {
  return withFleet(given.config, terminal, async (fleet) => wanted(given, await fleet.volumes()));
}

export async function listSnapshots(given: Given, terminal: Terminal): Promise<Listing<SnapshotRecord>> {
  return withFleet(given.config, terminal, async (fleet) => wanted(given, await fleet.snapshots()));
}

interface Placed {
  readonly node: string;
  readonly pool: string;
  readonly namespace?: string | undefined;
}

function wanted<R extends Placed>({ node, pool, namespace }: Given, records: readonly R[]): Listing<R> {
  const fits = (asked: string | undefined, has: string | undefined): boolean => asked === undefined || asked === has;
  return {
    records: records.filter(
      (record) => fits(node, record.node) && fits(pool, record.pool) && fits(namespace, record.namespace),
    ),
  };
}
