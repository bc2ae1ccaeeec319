import { rateText } from './summary.ts';
import type { RateKey } from '../../domain/qos.ts';
import { count, flag, listing, word } from '../../cli/command.ts';
import type { Rows } from '../../cli/output.ts';

export interface RateRecord {
  readonly rate: RateKey;
  readonly lowest: bigint;
  readonly median: bigint;
  readonly highest: bigint;
  readonly spreadPercent: number;
}

const rows: Rows<RateRecord> = {
  columns: [
    { heading: 'RATE', cell: ({ rate }) => rate },
    { heading: 'LOWEST', cell: ({ rate, lowest }) => rateText(rate, lowest) },
    { heading: 'MEDIAN', cell: ({ rate, median }) => rateText(rate, median) },
    { heading: 'HIGHEST', cell: ({ rate, highest }) => rateText(rate, highest) },
    { heading: 'SPREAD', cell: ({ spreadPercent }) => `${spreadPercent} %` },
  ],
  fields: {
    rate: '`readIops`, `writeIops`, `readBandwidth` or `writeBandwidth`',
    lowest: 'operations or bytes a second, of the lowest round',
    median: 'of the middle round',
    highest: 'of the highest round',
    spreadPercent: 'distance of lowest and highest, in percent of the median',
  },
  none: 'Nothing was measured.',
};

export const calibrate = listing({
  name: 'calibrate',
  summary: "Measure the rates that a pool's disks sustain, for its budget",
  details:
    'Measures with fio on a scratch volume, which is removed afterwards, also after an interrupt. Progress is on stderr.',
  where: 'here',
  arguments: { pool: word('name of the pool') },
  options: {
    rounds: count('how often each rate is measured', 5),
    seconds: count('length of each measurement', 10),
    whileInUse: flag('measure although volumes of the pool are in use'),
  },
  rows,
  failsWhen: 'the pool is in use or has no room, fio is missing, or the command was interrupted',
  examples: [
    { line: 'quarry calibrate fast', does: 'measures for about five minutes, and prints the budget to paste' },
    { line: 'quarry calibrate fast --rounds 1 --seconds 2', does: 'a quick look' },
  ],
  run: async (given, { say }) => (await import('./run.ts')).calibrate(given, say),
});
