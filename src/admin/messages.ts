import { rateKeys, type Rates } from '../domain/qos.ts';
import type { Rates as RatesMessage, RatesInit } from '../gen/quarry/admin/v1/Rates.ts';

/** The message's 64-bit numbers are text, and 0 is no limit. */
export function ratesToMessage(rates: Rates): RatesInit {
  return Object.fromEntries(rateKeys.map((key) => [key, String(rates[key] ?? 0n)]));
}

/** Reads what `ratesToMessage` wrote. */
export function ratesFromMessage(message: RatesMessage | null): Rates {
  const limited = rateKeys.filter((key) => (message?.[key] ?? '0') !== '0');
  return Object.fromEntries(limited.map((key) => [key, BigInt(message?.[key] ?? 0)]));
}

/** In ISO 8601, for records of the command line. The message has milliseconds since the epoch, as text. */
export function timeFromMessage(milliseconds: string): string {
  return new Date(Number(milliseconds)).toISOString();
}
