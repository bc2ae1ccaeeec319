import { formatBytes, KiB, MiB } from '../../domain/bytes.ts';
import { type RateKey, rateKeys } from '../../domain/qos.ts';

/** The rounds of each rate, at least one. */
export type Rounds = Readonly<Record<RateKey, readonly bigint[]>>;

/** The lowest, the middle and the highest round, and the distance of lowest and highest in percent of the middle. */
export function spreadOf(rounds: readonly bigint[]): { least: bigint; median: bigint; most: bigint; percent: number } {
  const sorted = [...rounds].sort((a, b) => (a < b ? -1 : 1));
  const [least = 0n, median = 0n, most = 0n] = [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return { least, median, most, percent: median === 0n ? 0 : Number(((most - least) * 100n) / median) };
}

/** The lines for the pool's configuration: the rates of the worst round, rounded down to two digits. */
export function budgetLines(rounds: Rounds): string {
  const lines = rateKeys.map((key) => `  ${key}: ${roundRate(key, spreadOf(rounds[key]).least)}\n`);
  return `budget:\n${lines.join('')}`;
}

/** The rate in the form of the configuration. */
export function roundRate(key: RateKey, rate: bigint): string {
  if (key.endsWith('Iops')) {
    const round = twoDigits(rate);
    return round % 1000n === 0n ? `${round / 1000n}k` : String(round);
  }
  if (rate >= 10n * MiB) return `${twoDigits(rate / MiB)}Mi`;
  return rate >= KiB ? `${twoDigits(rate / KiB)}Ki` : String(rate);
}

function twoDigits(value: bigint): bigint {
  const unit = 10n ** BigInt(Math.max(String(value).length - 2, 0));
  return (value / unit) * unit;
}

/** The rate for people, rounded. */
export function rateText(key: RateKey, rate: bigint): string {
  return key.endsWith('Iops') ? `${rate} IOPS` : `${formatBytes(rate)}/s`;
}
