import { formatExactly } from '../domain/bytes.ts';
import { rateKeys, type Rates } from '../domain/qos.ts';

/** What the fields of a record with rates are, for the reference. */
export const ratesField =
  'object with any of `readIops`, `writeIops`, `readBandwidth`, `writeBandwidth`; a rate without limit is absent';

/** `readIops=500 writeBandwidth=10MiB/s`; empty without any rate. */
export function showRates(rates: Rates): string {
  const shown = rateKeys.flatMap((key) => {
    const rate = rates[key];
    if (rate === undefined) return [];
    return [`${key}=${key.endsWith('Iops') ? rate : `${formatExactly(rate).replace(' ', '')}/s`}`];
  });
  return shown.join(' ');
}
