import type { CsiContext } from '../../app/feature.ts';
import type { Extent } from '../../domain/changed-blocks.ts';
import { usableSize } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { Snapshot, Snapshots } from '../../domain/snapshot.ts';
import type { GetMetadataAllocatedResponseInit } from '../../gen/csi/v1/GetMetadataAllocatedResponse.ts';
import type { SnapshotMetadataMethods } from '../../grpc/services.ts';
import { type BlocksRequest, parseAllocated, parseDelta } from './requests.ts';

type Registry = CsiContext['registry'];

/** CSI's SnapshotMetadata. */
export function createSnapshotMetadataService(registry: Registry): SnapshotMetadataMethods {
  return {
    getMetadataAllocated: (request, { signal }) => messages(registry, parseAllocated(request), signal),
    getMetadataDelta: (request, { signal }) => messages(registry, parseDelta(request), signal),
  };
}

/**
 * Throws `not-found`, `invalid` for snapshots of different volumes, `out-of-range`, and what `Snapshots.blocks` throws. A snapshot without blocks to report
 * has no message.
 */
async function* messages(
  registry: Registry,
  { snapshot: id, base: baseId, from, most }: BlocksRequest,
  signal: AbortSignal,
): AsyncGenerator<GetMetadataAllocatedResponseInit, void> {
  const { snapshots, found } = await find(registry, id, signal);
  const base = baseId === undefined ? undefined : (await find(registry, baseId, signal)).found;
  if (base && base.source !== found.source) throw ofDifferentVolumes(base, found);
  const size = usableSize(found);
  if (from > size) {
    throw new Failure('out-of-range', `starting_offset is ${from}: snapshot ${id} has ${size} bytes`);
  }
  const fixed = { blockMetadataType: 'VARIABLE_LENGTH', volumeCapacityBytes: String(size) } as const;
  for await (const list of snapshots.blocks({ snapshot: found.id, base: base?.id, from }, signal)) {
    for (let first = 0; first < list.length; first += most) {
      yield { ...fixed, blockMetadata: list.slice(first, first + most).map(toMessage) };
    }
  }
}

/** The snapshot, and the storage of its node. */
async function find(
  registry: Registry,
  text: string,
  signal: AbortSignal,
): Promise<{ readonly snapshots: Snapshots; readonly found: Snapshot }> {
  const at = registry.snapshotsOf(text);
  const found = await at?.snapshots.find(at.id, signal);
  if (at && found) return { snapshots: at.snapshots, found };
  throw new Failure('not-found', `snapshot "${text}" does not exist`);
}

function ofDifferentVolumes(base: Snapshot, target: Snapshot): Failure {
  const sources = `snapshot ${base.id} was taken of volume ${base.source}, snapshot ${target.id} of ${target.source}`;
  return new Failure('invalid', `${sources}: there is no delta between different volumes`);
}

function toMessage({ start, length }: Extent) {
  return { byteOffset: String(start), sizeBytes: String(length) };
}
