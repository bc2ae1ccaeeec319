import { Failure } from '../../domain/errors.ts';
import {
  type Budget,
  noQos,
  type Qos,
  type QosChange,
  type Rate,
  type RateKey,
  rateKeys,
  type Rates,
  type UnknownRates,
  unknownRates,
} from '../../domain/qos.ts';
import type { Budget as BudgetMessage, BudgetInit } from '../../gen/quarry/node/v1/Budget.ts';
import type { Qos as QosMessage, QosInit } from '../../gen/quarry/node/v1/Qos.ts';
import type { QosChange as QosChangeMessage, QosChangeInit } from '../../gen/quarry/node/v1/QosChange.ts';
import type { Rate as RateMessage, RateInit } from '../../gen/quarry/node/v1/Rate.ts';
import type { RateSettings as SettingsMessage, RateSettingsInit } from '../../gen/quarry/node/v1/RateSettings.ts';
import type { Rates as RatesMessage, RatesInit } from '../../gen/quarry/node/v1/Rates.ts';
import { readFigure, readNumber } from './bounds.ts';

const readRateFigure = (text: string | number): bigint => readFigure(text, 'a rate');

type Settings<Word> = Partial<Record<(typeof rateKeys)[number], Rate | Word>>;

export function writeQos({ limits, reservations, enforcement, unknown }: Qos): QosInit {
  return {
    limits: { ...writeSettings(limits), ...writeUnknown(unknown?.limits) },
    reservations: { ...writeSettings(reservations), ...writeUnknown(unknown?.reservations) },
    strict: enforcement === 'strict',
  };
}

/** A rate without a setting is one that its writer could not read either. */
function writeUnknown(keys: readonly RateKey[] = []): RateSettingsInit {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

/** A limit or a reservation that a newer node has made in a way that is not known here is carried as unknown, never as absent. */
export function readQos(message: QosMessage | null): Qos {
  const [limits, reservations] = [readSettings(message?.limits), readSettings(message?.reservations)];
  const strict = message?.strict === true;
  const unknown = readUnknown(message);
  // One for all that have none: a controller holds a hundred thousand volumes.
  if (!strict && Object.keys(limits).length + Object.keys(reservations).length === 0 && !unknown) return noQos;
  return {
    limits,
    reservations,
    enforcement: strict ? 'strict' : 'report',
    ...(unknown && { unknown }),
  };
}

/** Throws `unimplemented` for a field that this node does not know: leaving it out would change the request of a newer controller. */
export function readWantedQos(message: QosMessage | null): Qos {
  refuseUnknown(message);
  return readQos(message);
}

function refuseUnknown(message: QosMessage | QosChangeMessage | null): void {
  const unknown = readUnknown(message);
  if (!unknown) return;
  const keys = [...unknown.limits, ...unknown.reservations];
  throw new Failure('unimplemented', `this node does not know the setting of ${keys.join(', ')}: upgrade it`);
}

function readUnknown(message: QosMessage | QosChangeMessage | null): UnknownRates | undefined {
  return unknownRates(unknownKeys(message?.limits), unknownKeys(message?.reservations));
}

function unknownKeys(message: SettingsMessage | null | undefined): RateKey[] {
  return rateKeys.filter((key) => message?.[key] && message[key].rate === undefined);
}

export function writeQosChange({ limits, reservations, enforcement }: QosChange): QosChangeInit {
  return {
    limits: writeSettings(limits),
    reservations: writeSettings(reservations),
    ...(enforcement !== undefined && { strict: enforcement === 'strict' }),
  };
}

/** Throws `unimplemented`, as `readWantedQos` does. */
export function readQosChange(message: QosChangeMessage | null): QosChange {
  refuseUnknown(message);
  const strict = message?._strict === undefined ? undefined : message.strict === true;
  return {
    limits: readChanges(message?.limits, 'max'),
    reservations: readChanges(message?.reservations, 'none'),
    ...(strict !== undefined && { enforcement: strict ? ('strict' as const) : ('report' as const) }),
  };
}

function writeSettings(settings: Readonly<Settings<'max' | 'none'>>): RateSettingsInit {
  const message: Record<string, RateInit> = {};
  for (const key of rateKeys) {
    const rate = settings[key];
    if (rate !== undefined) message[key] = writeRate(rate);
  }
  return message;
}

function writeRate(rate: Rate | 'max' | 'none'): RateInit {
  if (typeof rate === 'string') return { cleared: true };
  if ('fixed' in rate) return { fixed: String(rate.fixed) };
  return {
    perGib: {
      rate: String(rate.perGiB),
      ...(rate.least !== undefined && { least: String(rate.least) }),
      ...(rate.most !== undefined && { most: String(rate.most) }),
    },
  };
}

function readSettings(message: SettingsMessage | null | undefined): Settings<never> {
  const settings: Settings<never> = {};
  for (const key of rateKeys) {
    const rate = readRate(message?.[key]);
    if (rate !== undefined) settings[key] = rate;
  }
  return settings;
}

function readChanges<Word extends string>(message: SettingsMessage | null | undefined, cleared: Word): Settings<Word> {
  const changes: Settings<Word> = readSettings(message);
  for (const key of rateKeys) if (message?.[key]?.rate === 'cleared') changes[key] = cleared;
  return changes;
}

function readRate(message: RateMessage | null | undefined): Rate | undefined {
  if (message?.rate === 'fixed') return { fixed: readRateFigure(message.fixed ?? 0) };
  if (message?.rate !== 'perGib' || !message.perGib) return undefined;
  const { rate, least, most } = message.perGib;
  return {
    perGiB: readRateFigure(rate),
    ...(least !== undefined && { least: readRateFigure(least) }),
    ...(most !== undefined && { most: readRateFigure(most) }),
  };
}

export function writeBudget({ rates, reservable, unreserved }: Budget): BudgetInit {
  return { rates: writeRates(rates), reservable, unreserved: writeRates(unreserved) };
}

export function readBudget({ rates, reservable, unreserved }: BudgetMessage): Budget {
  return {
    rates: readRates(rates),
    reservable: readNumber(reservable, 'the reservable percentage of a budget', [0, 1000]),
    unreserved: readRates(unreserved),
  };
}

export function writeRates(rates: Rates): RatesInit {
  const message: Record<string, string> = {};
  for (const key of rateKeys) if (rates[key] !== undefined) message[key] = String(rates[key]);
  return message;
}

export function readRates(message: RatesMessage | null): Rates {
  const rates: Partial<Record<(typeof rateKeys)[number], bigint>> = {};
  for (const key of rateKeys) {
    const rate = message?.[key];
    if (rate !== undefined) rates[key] = readRateFigure(rate);
  }
  return rates;
}
