import { Failure } from '../domain/errors.ts';
import { type NodeName, parseSnapshotId, parseVolumeId, type PoolName } from '../domain/ids.ts';
import { type ContentSource, printSource, refuseOverfull } from '../domain/snapshot.ts';
import { accepts } from '../domain/topology.ts';
import { refusePassive } from '../domain/volume.ts';
import type { VolumeContentSource } from '../gen/csi/v1/VolumeContentSource.ts';
import type { NodeRegistry } from './node-registry.ts';
import type { VolumeRequest } from './requests.ts';

/** Throws `invalid` for a source without an id, and `not-found` for one that Quarry never issued. */
export function parseContentSource(source: VolumeContentSource | null): ContentSource | undefined {
  if (!source) return undefined;
  const { snapshot, volume } = source;
  if (!snapshot && !volume) throw new Failure('invalid', 'volume_content_source: neither a snapshot nor a volume');
  const id = snapshot ? snapshot.snapshotId : (volume?.volumeId ?? '');
  if (id === '') throw new Failure('invalid', 'volume_content_source: the id is missing');
  const [asSnapshot, asVolume] = [parseSnapshotId(id), parseVolumeId(id)];
  if (snapshot && asSnapshot) return { snapshot: asSnapshot.id };
  if (volume && asVolume && !asSnapshot) return { volume: asVolume.id };
  throw new Failure('not-found', `volume_content_source: ${snapshot ? 'snapshot' : 'volume'} "${id}" does not exist`);
}

/**
 * The request of a volume with a source, for the node and the pool that have the source, where the two can share blocks. Throws `not-found`, `invalid` for another pool,
 * and `exhausted`, on which Kubernetes tries another node, where the topology lacks that node.
 */
export async function besideSource(
  registry: NodeRegistry,
  request: VolumeRequest,
  signal: AbortSignal,
): Promise<VolumeRequest> {
  const { source, name, parameters, accessibility } = request;
  if (!source) return request;
  const { node, pool } = await placeOf(registry, source, signal);
  if (!accepts(accessibility, node)) {
    throw new Failure(
      'exhausted',
      `the source of volume "${name}" is on node ${node}, which the topology asked for lacks: a volume is made from it on that node only`,
    );
  }
  if (parameters.pool !== undefined && parameters.pool !== pool)
    throw new Failure(
      'invalid',
      `the source is in pool ${pool}: volume "${name}" cannot be made from it in pool ${parameters.pool}`,
    );
  return {
    ...request,
    parameters: { ...parameters, pool },
    accessibility: { requisite: new Set([node]), preferred: [node] },
  };
}

async function placeOf(
  registry: NodeRegistry,
  source: ContentSource,
  signal: AbortSignal,
): Promise<{ node: NodeName; pool: PoolName }> {
  const found =
    'snapshot' in source ? await snapshotOf(registry, source, signal) : await volumeOf(registry, source, signal);
  if (found) return found;
  throw new Failure('not-found', `the source ${printSource(source)} does not exist`);
}

async function snapshotOf(registry: NodeRegistry, { snapshot }: { snapshot: string }, signal: AbortSignal) {
  const at = registry.snapshotsOf(snapshot);
  const found = await at?.snapshots.find(at.id, signal);
  if (found) refuseOverfull(found);
  return found;
}

async function volumeOf(registry: NodeRegistry, { volume }: { volume: string }, signal: AbortSignal) {
  const known = parseVolumeId(volume);
  const found = known && (await registry.at(known.id, known.node, (storage) => storage.find(known.id, signal)));
  if (found) refusePassive(found);
  return found;
}
