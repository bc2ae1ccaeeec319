import { listing } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';

export interface HungRecord {
  readonly what: string;
  readonly pid?: number | undefined;
  readonly since: string;
}

const rows: Rows<HungRecord> = {
  columns: [
    { heading: 'PID', cell: ({ pid }) => (pid === undefined ? '' : String(pid)) },
    { heading: 'SINCE', cell: ({ since }) => since },
    { heading: 'WHAT', cell: ({ what }) => what },
  ],
  fields: {
    what: 'the program with its arguments, or the read that hangs',
    pid: 'process id; absent for a read of Quarry itself',
    since: 'when Quarry gave it up, in ISO 8601',
  },
  none: 'Nothing hangs on this node.',
};

export const hung = listing({
  name: 'hung',
  summary: 'List programs and reads that were given up at their deadline and still run',
  details:
    'They wait for a device in uninterruptible sleep, and end when it answers or fails. Their volumes stay locked until then.',
  where: 'node',
  rows,
  failsWhen: 'no driver answers on the socket',
  examples: [{ line: 'quarry hung', does: 'lists what hangs on this node' }],
  run: async ({ config }) => (await import('./requests.ts')).listHung(config),
});
