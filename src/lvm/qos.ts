import { noQos, type Qos, type Rate, type RateKey, type RateSettings, rateKeys } from '../domain/qos.ts';

/** How the `qos` tag names each rate. */
const letters = {
  readIops: 'ri',
  writeIops: 'wi',
  readBandwidth: 'rb',
  writeBandwidth: 'wb',
} as const satisfies Record<RateKey, string>;

/**
 * The `qos` tag: settings joined by `&`, such as `ri=500&wb=1048576/1048576/8388608&+ri=200&strict`. A setting is a fixed
 * rate, or `<per GiB>/<least>/<most>` with empty bounds where there are none; `+` marks a reservation. Empty: nothing is set.
 */
export function printQos({ limits, reservations, enforcement }: Qos): string {
  const words = [...printSettings('', limits), ...printSettings('+', reservations)];
  if (enforcement === 'strict') words.push('strict');
  return words.join('&');
}

function printSettings(mark: string, settings: RateSettings): string[] {
  return rateKeys.flatMap((key) => {
    const rate = settings[key];
    return rate === undefined ? [] : [`${mark}${letters[key]}=${printRate(rate)}`];
  });
}

function printRate(rate: Rate): string {
  return 'fixed' in rate ? String(rate.fixed) : `${rate.perGiB}/${rate.least ?? ''}/${rate.most ?? ''}`;
}

/** What it cannot read it leaves out: a later version may have written more. */
export function parseQos(text: string | undefined): Qos {
  const limits: Partial<Record<RateKey, Rate>> = {};
  const reservations: Partial<Record<RateKey, Rate>> = {};
  let { enforcement } = noQos;
  for (const word of (text ?? '').split('&')) {
    const match = /^(\+?)(ri|wi|rb|wb)=(.+)$/.exec(word);
    const key = rateKeys.find((candidate) => letters[candidate] === match?.[2]);
    const rate = parseRate(match?.[3] ?? '');
    if (key && rate) (match?.[1] === '+' ? reservations : limits)[key] = rate;
    if (word === 'strict') enforcement = 'strict';
  }
  return { limits, reservations, enforcement };
}

function parseRate(text: string): Rate | undefined {
  if (/^\d{1,19}$/.test(text)) return { fixed: BigInt(text) };
  const match = /^(\d{1,19})\/(\d{0,19})\/(\d{0,19})$/.exec(text);
  if (!match) return undefined;
  const [least, most] = [match[2], match[3]].map((bound) => (bound ? BigInt(bound) : undefined));
  return { perGiB: BigInt(match[1] ?? 0), least, most };
}
