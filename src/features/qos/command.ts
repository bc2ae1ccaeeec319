import { formatBytes } from '../../domain/bytes.ts';
import type { Rates, Use } from '../../domain/qos.ts';
import { listing } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';
import { ratesField, showRates } from '../../cli/rates.ts';

export interface QosRecord {
  readonly volumeId: string;
  readonly claim?: string | undefined;
  readonly podUid?: string | undefined;
  readonly targetPath: string;
  readonly wanted: Rates;
  readonly inForce: Rates;
  readonly state: string;
  readonly reason?: string | undefined;
  readonly remedy?: string | undefined;
  readonly since: string;
  readonly used?: Use | undefined;
}

const rows: Rows<QosRecord> = {
  columns: [
    { heading: 'CLAIM', cell: ({ claim }) => claim ?? '' },
    { heading: 'VOLUME', cell: ({ volumeId }) => volumeId },
    { heading: 'POD', cell: ({ podUid, targetPath }) => podUid ?? targetPath },
    { heading: 'WANTED', cell: ({ wanted }) => showRates(wanted) || 'max' },
    { heading: 'IN FORCE', cell: ({ inForce }) => showRates(inForce) || 'max' },
    { heading: 'STATE', cell: ({ state, reason }) => (reason === undefined ? state : `${state}: ${reason}`) },
    { heading: 'SINCE', cell: ({ since }) => since },
    { heading: 'USED', cell: ({ used }) => (used ? showUse(used) : '') },
    { heading: 'TARGET', cell: ({ targetPath }) => targetPath, wide: true },
  ],
  fields: {
    volumeId: "the volume's id",
    claim:
      '`namespace/name` of its PersistentVolumeClaim, as a controller last recorded it on the volume; absent: not recorded',
    podUid: "the pod's UID; absent if the target path does not contain it",
    targetPath: 'path where the volume is published',
    wanted: `what the pod may use, operations or bytes a second: ${ratesField}`,
    inForce: 'the same, as read back from the kernel',
    state: '`enforced`, `pending` or `failed`',
    reason: 'a word for why the limit is not in force; absent if it is',
    remedy: 'what the reason means, and what to do; absent with the reason',
    since: 'when state, reason or wanted limit last changed, in ISO 8601',
    used: 'object with `readBytes`, `writtenBytes`, `reads`, `writes` since the cgroup was made; absent if the kernel has no counters',
  },
  none: 'No volume is published on this node.',
};

export const qos = listing({
  name: 'qos',
  summary: 'List the I/O limits of each volume and pod: wanted, in force, and the use',
  where: 'node',
  rows,
  failsWhen: 'no driver answers on the socket',
  examples: [
    { line: 'quarry qos', does: 'lists the pods of this node' },
    { line: 'quarry qos -o json | jq \'.items[] | select(.state == "failed")\'', does: 'the limits that do not hold' },
  ],
  run: async ({ config }) => (await import('./requests.ts')).listQos(config),
});

function showUse({ readBytes, reads, writtenBytes, writes }: Use): string {
  const side = (bytes: bigint, operations: bigint): string => `${formatBytes(bytes)} in ${operations}`;
  return `read ${side(readBytes, reads)}, written ${side(writtenBytes, writes)}`;
}
