import { type Bytes, GiB, largest, smallest } from './bytes.ts';

/** The rates that can be limited and reserved: operations and bytes a second. */
export const rateKeys = ['readIops', 'writeIops', 'readBandwidth', 'writeBandwidth'] as const;
/** The name of a rate, and of the parameter that limits it. */
export type RateKey = (typeof rateKeys)[number];

/** The largest rate that can be asked for; far beyond any device, and small enough for the kernel's parser. */
export const mostRate = 10n ** 15n;

/** The parameter that reserves a rate: `reservedReadIops`. */
export function reservedName(key: RateKey): string {
  return `reserved${key.charAt(0).toUpperCase()}${key.slice(1)}`;
}

/** Operations or bytes a second. A key that is absent has no bound. */
export type Rates = Readonly<Partial<Record<RateKey, bigint>>>;

/** A fixed rate, or one for each GiB of the volume, within bounds, which follows an expansion. */
export type Rate =
  | { readonly fixed: bigint }
  | { readonly perGiB: bigint; readonly least?: bigint | undefined; readonly most?: bigint | undefined };

/** Limits or reservations, by rate. A key that is absent is not set. */
export type RateSettings = Readonly<Partial<Record<RateKey, Rate>>>;

/** A pod's reads and writes of a volume, since the kernel began to count. */
export interface Use {
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  readonly reads: bigint;
  readonly writes: bigint;
}

/** If a limit cannot be put in force: the publish fails, or the shortfall is reported. */
export type Enforcement = 'strict' | 'report';

/** The limits and reservations of a volume, from its tags. */
export interface Qos {
  readonly limits: RateSettings;
  readonly reservations: RateSettings;
  readonly enforcement: Enforcement;
  /** Settings of a newer version, which this one can't read. Absent: there are none. */
  readonly unknown?: UnknownRates | undefined;
}

/** The rates whose setting this version can't read. It is neither known nor absent. */
export interface UnknownRates {
  readonly limits: readonly RateKey[];
  /** No more of these rates can be promised. */
  readonly reservations: readonly RateKey[];
}

/** The settings of a class or a change: `max` removes a limit, and an absent key leaves it as it is. */
export interface QosChange {
  readonly limits: Readonly<Partial<Record<RateKey, Rate | 'max'>>>;
  readonly reservations: Readonly<Partial<Record<RateKey, Rate | 'none'>>>;
  readonly enforcement?: Enforcement | undefined;
}

/** The setting of a volume without limits and reservations. */
export const noQos: Qos = { limits: {}, reservations: {}, enforcement: 'report' };

/** The rates that a pool's disks can sustain, according to its configuration. */
export interface Budget {
  /** An absent key is not budgeted: it cannot be reserved, and is not shared out. */
  readonly rates: Rates;
  /** Percent of each rate that may be reserved, 1–100. */
  readonly reservable: number;
  /** The limits of a volume that has neither its own limit nor a reservation. */
  readonly unreserved: Rates;
}

/** The rate for a volume of `size` bytes, at least 1. */
function rateFor(rate: Rate, size: Bytes): bigint {
  if ('fixed' in rate) return rate.fixed;
  const grown = largest((rate.perGiB * size) / GiB, rate.least ?? 1n, 1n);
  return smallest(grown, rate.most ?? mostRate, mostRate);
}

/** The rates for a volume of `size` bytes. */
export function ratesFor(settings: RateSettings, size: Bytes): Rates {
  const rates: Partial<Record<RateKey, bigint>> = {};
  for (const key of rateKeys) {
    const rate = settings[key];
    if (rate !== undefined) rates[key] = rateFor(rate, size);
  }
  return rates;
}

/** An unknown setting stays unknown until a change sets it. */
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

/** `undefined` if every setting is known. */
export function unknownRates(
  limits: readonly RateKey[] = [],
  reservations: readonly RateKey[] = [],
): UnknownRates | undefined {
  return limits.length + reservations.length > 0 ? { limits, reservations } : undefined;
}

/** Both changes in one: for each rate the later one counts. */
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
