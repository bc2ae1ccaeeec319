import { loadProtocol } from '../../../src/fleet/wire/protocol.ts';
import type { FromNodeInit } from '../../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { RecordsInit } from '../../../src/gen/quarry/fleet/v1/Records.ts';
import type { ToNodeInit } from '../../../src/gen/quarry/fleet/v1/ToNode.ts';
import type { PoolInit } from '../../../src/gen/quarry/node/v1/Pool.ts';
import type { VolumeInit } from '../../../src/gen/quarry/node/v1/Volume.ts';

export const protocol = loadProtocol();

export interface Content {
  full?: boolean;
  more?: boolean;
  ageMs?: string;
  volumes?: VolumeInit[];
  pools?: PoolInit[];
  /** Reasons by pool. */
  unready?: Record<string, string>;
  defaultPool?: string;
  removedVolumes?: string[];
  removedPools?: string[];
  given?: { volume: string; to: string }[];
  removedGiven?: string[];
}

/** The content of a node, as records. */
function recordsOf(content: Content): RecordsInit {
  const { volumes = [], pools = [], unready = {}, defaultPool, removedVolumes = [], removedPools = [] } = content;
  const { given = [], removedGiven = [], full = false, more = false, ageMs = '0' } = content;
  const write = protocol.records.write;
  return {
    full,
    more,
    ageMs,
    records: [
      ...volumes.map((volume) => write('volume', volume.id ?? '', volume)),
      ...given.map(({ volume, to }) => write('given', volume, { to })),
      ...pools.map((pool) => write('pool', pool.name ?? '', pool)),
      ...Object.entries(unready).map(([pool, reason]) => write('unready-pool', pool, { reason })),
      ...(defaultPool === undefined ? [] : [write('node', '', { defaultPool })]),
    ],
    removed: [
      ...removedVolumes.map((key) => ({ kind: 'volume', key })),
      ...removedGiven.map((key) => ({ kind: 'given', key })),
      ...removedPools.map((key) => ({ kind: 'pool', key })),
    ],
  };
}

/** The message with it. */
export function report(content: Content): FromNodeInit {
  return { records: recordsOf(content) };
}

/** A call of a method of the volumes' service. */
export function callOf(id: string, key: string, request: object): ToNodeInit {
  const method = protocol.volumes.find((one) => one.key === key);
  if (!method) return { call: { id, method: key } };
  return { call: { id, method: method.path, payload: method.writeRequest(request) } };
}

/** The request of a call. */
export function requestOf(method: string, payload: Buffer): unknown {
  return protocol.volumes.find(({ path }) => path === method)?.readRequest(payload);
}
