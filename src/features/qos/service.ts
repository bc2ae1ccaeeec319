import { rateKeys, type Rates, type Use } from '../../domain/qos.ts';
import type { PodQosInit } from '../../gen/quarry/admin/v1/PodQos.ts';
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
export function createQosService(list: () => Promise<readonly QosEntry[]>): Pick<AdminMethods, 'listQos'> {
  return { listQos: async () => ({ pods: (await list()).map(toMessage) }) };
}

function toMessage({ volume, pod, target, wanted, inForce, state, reason, remedy, since, use }: QosEntry): PodQosInit {
  return {
    volumeId: volume,
    podUid: pod ?? '',
    targetPath: target,
    wanted: inText(wanted, rateKeys),
    inForce: inText(inForce, rateKeys),
    state,
    reason: reason ?? '',
    remedy: remedy ?? '',
    sinceMs: String(since),
    ...(use && { use: inText(use, ['readBytes', 'writtenBytes', 'reads', 'writes']) }),
  };
}

/** The proto has 64-bit numbers as text; one that is absent is 0. */
function inText<Key extends string>(numbers: Readonly<Partial<Record<Key, bigint>>>, keys: readonly Key[]) {
  return Object.fromEntries(keys.map((key) => [key, String(numbers[key] ?? 0n)]));
}
