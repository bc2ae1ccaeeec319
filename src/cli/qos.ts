import { loadMachineConfig } from '../config/config.ts';
import { formatBytes, formatExactly } from '../domain/bytes.ts';
import { rateKeys } from '../domain/qos.ts';
import type { PodQos } from '../gen/quarry/operator/v1/PodQos.ts';
import type { Rates } from '../gen/quarry/operator/v1/Rates.ts';
import type { Use } from '../gen/quarry/operator/v1/Use.ts';
import { withClient } from '../grpc/client.ts';
import { operator } from '../grpc/load.ts';
import type { OperatorMethods } from '../grpc/services.ts';
import { table } from './table.ts';

/** `quarry qos`: what each pod may use of each volume, what is in force, and what it has used. Asks the driver that runs. */
export async function showQos({ config: path }: { config: string }): Promise<string> {
  const config = await loadMachineConfig(path);
  return withClient<OperatorMethods, string>(
    config.endpoint.path,
    { proto: operator, service: 'Operator' },
    async (calls) => printQos((await calls.listQos({})).pods as PodQos[]),
  );
}

function printQos(pods: readonly PodQos[]): string {
  if (pods.length === 0) return 'No volume is published on this node.\n';
  const rows = pods.map((pod) => [
    pod.volumeId,
    pod.podUid || pod.targetPath,
    printRates(pod.wanted),
    printRates(pod.inForce),
    pod.reason === '' ? pod.state : `${pod.state}: ${pod.reason}`,
    new Date(Number(pod.sinceMs)).toISOString(),
    pod.use ? printUse(pod.use) : '',
  ]);
  const headings = ['VOLUME', 'POD', 'WANTED', 'IN FORCE', 'STATE', 'SINCE', 'USED'];
  return table(headings, rows) + remedies(pods);
}

/** Each reason once, below the table. */
function remedies(pods: readonly PodQos[]): string {
  const known = new Map(pods.filter(({ reason }) => reason !== '').map(({ reason, remedy }) => [reason, remedy]));
  return [...known].map(([reason, remedy]) => `\n${reason}: ${remedy}\n`).join('');
}

function printRates(rates: Rates | null): string {
  const words = rateKeys.flatMap((key) => {
    const rate = rates?.[key] ?? '0';
    if (rate === '0') return [];
    return [`${key}=${key.endsWith('Iops') ? rate : `${formatExactly(BigInt(rate)).replace(' ', '')}/s`}`];
  });
  return words.join(' ') || 'max';
}

function printUse({ readBytes, reads, writtenBytes, writes }: Use): string {
  const side = (bytes: string, operations: string): string => `${formatBytes(BigInt(bytes))} in ${operations}`;
  return `read ${side(readBytes, reads)}, written ${side(writtenBytes, writes)}`;
}
