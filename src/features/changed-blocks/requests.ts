import type { Bytes } from '../../domain/bytes.ts';
import { Failure } from '../../domain/errors.ts';
import type { GetMetadataAllocatedRequest } from '../../gen/csi/v1/GetMetadataAllocatedRequest.ts';
import type { GetMetadataDeltaRequest } from '../../gen/csi/v1/GetMetadataDeltaRequest.ts';

/** A request for blocks, checked. */
export interface BlocksRequest {
  /** The ids; Quarry may never have issued them. */
  readonly snapshot: string;
  readonly base?: string;
  readonly from: Bytes;
  /** Extents in a message. */
  readonly most: number;
}

/** Extents in a message, if the caller does not ask for fewer. */
const defaultMost = 1024;

/** Throws `invalid` with every problem at once, and `out-of-range` for an offset below 0. */
export function parseAllocated(request: GetMetadataAllocatedRequest): BlocksRequest {
  const { snapshotId } = request;
  return { ...parsePage(request, { snapshot_id: snapshotId }), snapshot: snapshotId };
}

/** Throws as `parseAllocated` does. */
export function parseDelta(request: GetMetadataDeltaRequest): BlocksRequest {
  const { baseSnapshotId, targetSnapshotId } = request;
  const page = parsePage(request, { base_snapshot_id: baseSnapshotId, target_snapshot_id: targetSnapshotId });
  return { ...page, snapshot: targetSnapshotId, base: baseSnapshotId };
}

function parsePage(
  { startingOffset, maxResults }: Pick<GetMetadataAllocatedRequest, 'startingOffset' | 'maxResults'>,
  ids: Readonly<Record<string, string>>,
): Pick<BlocksRequest, 'from' | 'most'> {
  const problems = Object.entries(ids).flatMap(([field, id]) => (id === '' ? [`${field} is missing`] : []));
  if (maxResults < 0) problems.push(`max_results is ${maxResults}: it must not be negative`);
  if (problems.length > 0) throw new Failure('invalid', problems.join('; '));
  const from = BigInt(startingOffset);
  if (from < 0n) throw new Failure('out-of-range', `starting_offset is ${from}: it must not be negative`);
  return { from, most: maxResults === 0 ? defaultMost : Math.min(maxResults, defaultMost) };
}
