import { ratesToMessage } from '../../admin/messages.ts';
import type { Rates, Use } from '../../domain/qos.ts';
import type { PodQosInit } from '../../gen/quarry/admin/v1/PodQos.ts';
import type { UseInit } from '../../gen/quarry/admin/v1/Use.ts';
import type { AdminMethods } from '../../grpc/services.ts';

/** The limit of a volume on one of its pods. */
export interface QosEntry {
  readonly volume: string;
  readonly pod: string | undefined;
  readonly target: string;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly remedy?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly use?: Use | undefined;
}

/** Answers `quarry qos`. */
export function createQosService(
  list: () => Promise<readonly QosEntry[]>,
  claims: () => ReadonlyMap<string, string>,
): Pick<AdminMethods, 'listQos'> {
  return {
    async listQos() {
      const [entries, names] = [await list(), claims()];
      return { pods: entries.map((entry) => toMessage(entry, names.get(entry.volume) ?? '')) };
    },
  };
}

function toMessage(
  { volume, pod, target, wanted, inForce, state, reason, remedy, since, use }: QosEntry,
  claim: string,
): PodQosInit {
  return {
    volumeId: volume,
    podUid: pod ?? '',
    targetPath: target,
    wanted: ratesToMessage(wanted),
    inForce: ratesToMessage(inForce),
    state,
    reason: reason ?? '',
    remedy: remedy ?? '',
    sinceMs: String(since),
    claim,
    ...(use && { use: useMessage(use) }),
  };
}

/** The proto has 64-bit numbers as text. */
function useMessage({ readBytes, writtenBytes, reads, writes }: Use): UseInit {
  return {
    readBytes: String(readBytes),
    writtenBytes: String(writtenBytes),
    reads: String(reads),
    writes: String(writes),
  };
}
