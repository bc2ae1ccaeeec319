import { type Bytes, GiB, largest, smallest } from './bytes.ts';

/** What can be limited and reserved: operations, and bytes, a second. */
export const rateKeys = ['readIops', 'writeIops', 'readBandwidth', 'writeBandwidth'] as const;
/** The name of a rate, and of the parameter that limits it. */
export type RateKey = (typeof rateKeys)[number];

/** The most that can be asked for; far beyond any device, and within what the kernel can read. */
export const mostRate = 10n ** 15n;

/** The parameter that reserves a rate: `reservedReadIops`. */
export function reservedName(key: RateKey): string {
  return `reserved${key.charAt(0).toUpperCase()}${key.slice(1)}`;
}

/** Operations or bytes a second. A key that is absent has no bound. */
export type Rates = Readonly<Partial<Record<RateKey, bigint>>>;

/** `fixed`, or so much for each GiB of the volume, within bounds: it follows an expansion. */
export type Rate =
  | { readonly fixed: bigint }
  | { readonly perGiB: bigint; readonly least?: bigint | undefined; readonly most?: bigint | undefined };

/** Limits or reservations, by rate. A key that is absent is not set. */
export type RateSettings = Readonly<Partial<Record<RateKey, Rate>>>;

/** What a pod has read and written of a volume, since the kernel began to count. */
export interface Use {
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  readonly reads: bigint;
  readonly writes: bigint;
}

/** What happens when a limit cannot be put in force: the publish fails, or the shortfall is shown. */
export type Enforcement = 'strict' | 'report';

/** What was promised to a volume and what it is held to, as its tags say. */
export interface Qos {
  readonly limits: RateSettings;
  readonly reservations: RateSettings;
  readonly enforcement: Enforcement;
  /** Settings that a newer version has made and that can't be read here. Absent: there are none. */
  readonly unknown?: UnknownRates | undefined;
}

/** The rates whose setting is not known. It is neither the one that is read nor absent. */
export interface UnknownRates {
  readonly limits: readonly RateKey[];
  /** Nothing more of such a rate can be promised. */
  readonly reservations: readonly RateKey[];
}

/** What a class or a change says: `max` takes a limit away, and a key that is absent leaves it as it is. */
export interface QosChange {
  readonly limits: Readonly<Partial<Record<RateKey, Rate | 'max'>>>;
  readonly reservations: Readonly<Partial<Record<RateKey, Rate | 'none'>>>;
  readonly enforcement?: Enforcement | undefined;
}

/** Of a volume with neither limits nor reservations. */
export const noQos: Qos = { limits: {}, reservations: {}, enforcement: 'report' };

/** What a pool's disks can do, as its configuration declares. */
export interface Budget {
  /** A key that is absent is not budgeted: it cannot be reserved, and is not shared out. */
  readonly rates: Rates;
  /** Percent of each rate that may be reserved, 1–100. */
  readonly reservable: number;
  /** The limits of a volume that has neither a limit nor a reservation of its own. */
  readonly unreserved: Rates;
}

/** The setting for a volume of `size` bytes, at least 1. */
function rateFor(rate: Rate, size: Bytes): bigint {
  if ('fixed' in rate) return rate.fixed;
  const grown = largest((rate.perGiB * size) / GiB, rate.least ?? 1n, 1n);
  return smallest(grown, rate.most ?? mostRate, mostRate);
}

/** The settings for a volume of `size` bytes. */
export function ratesFor(settings: RateSettings, size: Bytes): Rates {
  const rates: Partial<Record<RateKey, bigint>> = {};
  for (const key of rateKeys) {
    const rate = settings[key];
    if (rate !== undefined) rates[key] = rateFor(rate, size);
  }
  return rates;
}

/** A setting that is not known stays so until the change sets it. */
export function applyChange(qos: Qos, change: QosChange): Qos {
  const unknown = unknownRates(
    qos.unknown?.limits.filter((key) => change.limits[key] === undefined),
    qos.unknown?.reservations.filter((key) => change.reservations[key] === undefined),
  );
  return {
    limits: merge(qos.limits, change.limits),
    reservations: merge(qos.reservations, change.reservations),
    enforcement: change.enforcement ?? qos.enforcement,
    ...(unknown && { unknown }),
  };
}

/** `undefined` where every setting is known. */
export function unknownRates(
  limits: readonly RateKey[] = [],
  reservations: readonly RateKey[] = [],
): UnknownRates | undefined {
  return limits.length + reservations.length > 0 ? { limits, reservations } : undefined;
}

/** Both in one: what the later says of a rate replaces what the earlier says of it. */
export function mergeChanges(earlier: QosChange, later: QosChange): QosChange {
  return {
    limits: { ...earlier.limits, ...later.limits },
    reservations: { ...earlier.reservations, ...later.reservations },
    enforcement: later.enforcement ?? earlier.enforcement,
  };
}

function merge(
  settings: RateSettings,
  change: Readonly<Partial<Record<RateKey, Rate | 'max' | 'none'>>>,
): RateSettings {
  const merged: Partial<Record<RateKey, Rate>> = { ...settings };
  for (const key of rateKeys) {
    const rate = change[key];
    if (rate === 'max' || rate === 'none') delete merged[key];
    else if (rate !== undefined) merged[key] = rate;
  }
  return merged;
}
