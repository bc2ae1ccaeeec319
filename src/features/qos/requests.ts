import { ratesFromMessage, timeFromMessage } from '../../admin/messages.ts';
import type { Use } from '../../domain/qos.ts';
import type { PodQos } from '../../gen/quarry/admin/v1/PodQos.ts';
import type { Use as UseMessage } from '../../gen/quarry/admin/v1/Use.ts';
import { askRole } from '../../cli/ask.ts';
import type { QosRecord } from './command.ts';
import type { Listing } from '../../cli/output.ts';

/** Asks the driver of this node for the limits of each volume and pod, wanted and in force, and for the use. */
export async function listQos(path: string): Promise<Listing<QosRecord>> {
  return askRole('node', path, async (calls) => {
    const pods = (await calls.listQos({})).pods as PodQos[];
    return { records: pods.map(toRecord), footer: remedies(pods) };
  });
}

function toRecord(pod: PodQos): QosRecord {
  return {
    volumeId: pod.volumeId,
    claim: pod.claim || undefined,
    podUid: pod.podUid || undefined,
    targetPath: pod.targetPath,
    wanted: ratesFromMessage(pod.wanted),
    inForce: ratesFromMessage(pod.inForce),
    state: pod.state,
    reason: pod.reason || undefined,
    remedy: pod.remedy || undefined,
    since: timeFromMessage(pod.sinceMs),
    used: pod.use ? toUse(pod.use) : undefined,
  };
}

function toUse({ readBytes, writtenBytes, reads, writes }: UseMessage): Use {
  const [read, written] = [BigInt(readBytes), BigInt(writtenBytes)];
  return { readBytes: read, writtenBytes: written, reads: BigInt(reads), writes: BigInt(writes) };
}

/** Each reason once, below the table. */
function remedies(pods: readonly PodQos[]): string {
  const known = new Map(pods.filter(({ reason }) => reason !== '').map(({ reason, remedy }) => [reason, remedy]));
  return [...known].map(([reason, remedy]) => `\n${reason}: ${remedy}\n`).join('');
}
