import { Failure } from '../domain/errors.ts';
import type { VolumeId } from '../domain/ids.ts';
import { noQos, type Qos, type Rate, type RateKey, type RateSettings, rateKeys, unknownRates } from '../domain/qos.ts';
import type { TagChange } from './arguments.ts';
import type { ReportRow } from './process/report.ts';
import { parseTags, tag, tagsOf } from './tags.ts';

/** The names of the rates in the `qos` tag. */
const letters = {
  readIops: 'ri',
  writeIops: 'wi',
  readBandwidth: 'rb',
  writeBandwidth: 'wb',
} as const satisfies Record<RateKey, string>;

/**
 * The `qos` tag: settings joined by `&`, such as `ri=500&wb=1048576/1048576/8388608&+ri=200&strict`. A setting is a fixed
 * rate, or `<per GiB>/<least>/<most>`, in which bounds may be empty; `+` marks a reservation. Empty: nothing is set.
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

/** Reads tags of later versions too: a rate with an unreadable setting is unknown, and unknown words are left out. */
export function parseQos(text: string | undefined): Qos {
  return readWords(text).qos;
}

/**
 * The change of tags that gives the volume in this row these settings; `undefined` if it has them. Throws `precondition` if the change
 * would lose or contradict a setting of a later version.
 */
export function qosTags(id: VolumeId, row: ReportRow, qos: Qos): TagChange | undefined {
  const written = tagsOf(row['lv_tags'] ?? '', 'qos');
  const unknown = written.flatMap((text) => readWords(parseTags(text).get('qos') ?? text).unknown);
  if (unknown.length > 0) {
    throw new Failure(
      'precondition',
      `the limits of volume ${id} contain words that this version does not know (${unknown.join(', ')}): change them with the version that wrote them`,
    );
  }
  const text = printQos(qos);
  const wanted = text === '' ? undefined : tag('qos', text);
  const remove = written.filter((one) => one !== wanted);
  const add = wanted === undefined || written.includes(wanted) ? undefined : wanted;
  return remove.length === 0 && add === undefined ? undefined : { add, remove };
}

function readWords(text = ''): { qos: Qos; unknown: string[] } {
  const limits: Partial<Record<RateKey, Rate>> = {};
  const reservations: Partial<Record<RateKey, Rate>> = {};
  const unknown: string[] = [];
  const unread: Record<'limits' | 'reservations', RateKey[]> = { limits: [], reservations: [] };
  let { enforcement } = noQos;
  for (const word of text.split('&').filter((part) => part !== '')) {
    const match = /^(\+?)(ri|wi|rb|wb)=(.+)$/.exec(word);
    const key = rateKeys.find((candidate) => letters[candidate] === match?.[2]);
    const rate = parseRate(match?.[3] ?? '');
    if (word === 'strict') enforcement = 'strict';
    else if (key && rate) (match?.[1] === '+' ? reservations : limits)[key] = rate;
    else {
      unknown.push(word);
      if (key) unread[match?.[1] === '+' ? 'reservations' : 'limits'].push(key);
    }
  }
  const rates = unknownRates(unread.limits, unread.reservations);
  return { qos: { limits, reservations, enforcement, ...(rates && { unknown: rates }) }, unknown };
}

function parseRate(text: string): Rate | undefined {
  if (/^\d{1,19}$/.test(text)) return { fixed: BigInt(text) };
  const match = /^(\d{1,19})\/(\d{0,19})\/(\d{0,19})$/.exec(text);
  if (!match) return undefined;
  const [least, most] = [match[2], match[3]].map((bound) => (bound ? BigInt(bound) : undefined));
  return { perGiB: BigInt(match[1] ?? 0), least, most };
}
