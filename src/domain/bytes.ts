import { Failure } from './errors.ts';

/** Sizes are whole bytes in a bigint: int64 of CSI does not fit a number. */
export type Bytes = bigint;

/** 1024 bytes. */
export const KiB = 1024n;
/** 1024 KiB. */
export const MiB = 1024n * KiB;
/** 1024 MiB. */
export const GiB = 1024n * MiB;

const units: Readonly<Record<string, bigint>> = {
  '': 1n,
  k: 10n ** 3n,
  M: 10n ** 6n,
  G: 10n ** 9n,
  T: 10n ** 12n,
  P: 10n ** 15n,
  Ki: KiB,
  Mi: MiB,
  Gi: GiB,
  Ti: 1024n * GiB,
  Pi: 1024n * 1024n * GiB,
};

/**
 * A Kubernetes quantity of bytes (`512Mi`, `1.5G`, `1073741824`), or `undefined` if the text is not one.
 * A fraction of a byte is not a size.
 */
export function parseBytes(text: string): Bytes | undefined {
  const match = /^(\d{1,18})(?:\.(\d{1,9}))?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/.exec(text);
  if (!match) return undefined;
  const unit = units[match[3] ?? ''] ?? 1n;
  const fraction = match[2] ?? '';
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(match[1] + fraction) * unit;
  return scaled % scale === 0n ? scaled / scale : undefined;
}

const named: readonly [string, bigint][] = [
  ['TiB', 1024n * GiB],
  ['GiB', GiB],
  ['MiB', MiB],
  ['KiB', KiB],
];

/** For people: the largest binary unit that keeps the number at 1 or more, with at most one decimal. */
export function formatBytes(bytes: Bytes): string {
  const [name, unit] = named.find(([, size]) => bytes >= size) ?? ['B', 1n];
  const tenths = (bytes * 10n) / unit;
  return tenths % 10n === 0n ? `${tenths / 10n} ${name}` : `${tenths / 10n}.${tenths % 10n} ${name}`;
}

/** For people, without rounding: a whole number of the largest binary unit that divides it. */
export function formatExactly(bytes: Bytes): string {
  const [name, unit] = named.find(([, size]) => bytes >= size && bytes % size === 0n) ?? ['B', 1n];
  return `${bytes / unit} ${name}`;
}

/** The least multiple of `unit` that is not below `bytes`. */
export function roundUp(bytes: Bytes, unit: Bytes): Bytes {
  return ((bytes + unit - 1n) / unit) * unit;
}

/** The greatest multiple of `unit` that is not above `bytes`. */
export function roundDown(bytes: Bytes, unit: Bytes): Bytes {
  return (bytes / unit) * unit;
}

/** The smallest of one or more values. */
export function smallest(...values: [Bytes, ...Bytes[]]): Bytes {
  return values.reduce((a, b) => (a < b ? a : b));
}

/** The largest of one or more values. */
export function largest(...values: [Bytes, ...Bytes[]]): Bytes {
  return values.reduce((a, b) => (a > b ? a : b));
}

/** The size a request asks for: at least `required`, at most `limit` if there is one. */
export interface SizeRange {
  readonly required: Bytes;
  readonly limit?: Bytes | undefined;
}

/** The size of a volume whose request gives none. */
const defaultSize: Bytes = GiB;

/** The least size that satisfies the range, or the default. */
export function wantedSize({ required, limit }: SizeRange): Bytes {
  return required > 0n ? required : smallest(defaultSize, limit ?? defaultSize);
}

/** The most that CSI carries: int64. */
export const maximum = 2n ** 63n - 1n;

/** CSI's `CapacityRange` in decimal strings; zero and absent both mean "not given" there. Throws `invalid` or `out-of-range`. */
export function parseSizeRange(range: { requiredBytes?: string; limitBytes?: string } | null | undefined): SizeRange {
  const required = toBytes('capacity_range.required_bytes', range?.requiredBytes);
  const limit = toBytes('capacity_range.limit_bytes', range?.limitBytes);
  if (limit !== 0n && required > limit) {
    throw new Failure('out-of-range', `required_bytes ${required} is more than limit_bytes ${limit}`);
  }
  return { required, limit: limit === 0n ? undefined : limit };
}

function toBytes(field: string, text = '0'): Bytes {
  if (!/^\d+$/.test(text) || BigInt(text) > maximum) {
    throw new Failure('out-of-range', `${field} is ${text}; it must be between 0 and ${maximum}`);
  }
  return BigInt(text);
}
