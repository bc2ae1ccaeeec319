import { Failure } from '../domain/errors.ts';
import { type NodeName, parseSnapshotId, parseVolumeId, type PoolName } from '../domain/ids.ts';
import { type ContentSource, printSource, refuseOverfull } from '../domain/snapshot.ts';
import { accepts } from '../domain/topology.ts';
import { refusePassive } from '../domain/volume.ts';
import type { VolumeContentSource } from '../gen/csi/v1/VolumeContentSource.ts';
import type { NameLookup } from './name-lookup.ts';
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

/** Where the source of a volume is. */
interface SourcePlace {
  readonly node: NodeName;
  /** The pool of a volume whose class names none. */
  readonly pool: PoolName;
}

/**
 * The request of a volume with a source, for the node that has the source: its content does not leave that node. A volume that was made from a source that
 * is gone is still the answer to its request. Throws `not-found`, and `exhausted`, on which Kubernetes tries another node, where the topology lacks that node.
 */
export async function besideSource(
  registry: NodeRegistry,
  lookup: NameLookup,
  request: VolumeRequest,
  signal: AbortSignal,
): Promise<VolumeRequest> {
  const { source, name, parameters, accessibility } = request;
  if (!source) return request;
  const { node, pool } = await placeOf(registry, lookup, { name, source }, signal);
  if (!accepts(accessibility, node)) {
    throw new Failure(
      'exhausted',
      `the source of volume "${name}" is on node ${node}, which the topology asked for lacks: a volume is made from it on that node only`,
    );
  }
  return {
    ...request,
    parameters: { pool, ...parameters },
    accessibility: { requisite: new Set([node]), preferred: [node] },
  };
}

interface Sourced {
  readonly name: string;
  readonly source: ContentSource;
}

async function placeOf(
  registry: NodeRegistry,
  lookup: NameLookup,
  sourced: Sourced,
  signal: AbortSignal,
): Promise<SourcePlace> {
  const { source } = sourced;
  const found =
    'snapshot' in source ? await snapshotOf(registry, source, signal) : await volumeOf(registry, source, signal);
  if (found && found.state !== 'overfull') return found;
  const made = await lookup.madeFrom(source, sourced.name, signal);
  if (made) return made;
  if (found) refuseOverfull(found);
  throw new Failure('not-found', `the source ${printSource(source)} does not exist`);
}

async function snapshotOf(registry: NodeRegistry, { snapshot }: { snapshot: string }, signal: AbortSignal) {
  const at = registry.snapshotsOf(snapshot);
  return at?.snapshots.find(at.id, signal);
}

async function volumeOf(registry: NodeRegistry, { volume }: { volume: string }, signal: AbortSignal) {
  const known = parseVolumeId(volume);
  const found = known && (await registry.at(known.id, known.node, (storage) => storage.find(known.id, signal)));
  if (found) refusePassive(found);
  return found;
}
