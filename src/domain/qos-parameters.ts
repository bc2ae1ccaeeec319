import { parseBytes } from './bytes.ts';
import { Failure } from './errors.ts';
import { mostRate, type QosChange, type Rate, type RateKey, rateKeys, reservedName } from './qos.ts';

/** Begins the names of parameters that Kubernetes adds and its sidecars read. */
export const kubernetesPrefix = 'csi.storage.k8s.io/';

/** Suffixes of a rate's name: a fixed rate, a rate per GiB, and its bounds. */
const forms = ['', 'PerGiB', 'Min', 'Max'] as const;
type Form = (typeof forms)[number];
type Given = Readonly<Partial<Record<Form, string>>>;

const limitNames = rateKeys.map((key) => [key, key] as const);
const reservationNames = rateKeys.map((key) => [reservedName(key), key] as const);

const enforcementName = 'qosEnforcement';

/** Every parameter of limits and reservations. */
export const qosParameterNames: readonly string[] = [
  ...[...limitNames, ...reservationNames].flatMap(([name]) => forms.map((form) => name + form)),
  enforcementName,
];

/** The same as a short text for messages: there are 33 names. */
export const qosParameterSummary = `${[...limitNames, ...reservationNames].map(([name]) => name).join(', ')} (each also with PerGiB, Min and Max), ${enforcementName}`;

const ending = (of: readonly (readonly [string, RateKey])[], end: string) =>
  of.map(([name]) => name).filter((name) => name.endsWith(end));

/** Rows of the reference: names that share a row, their values, and their meaning. */
export const qosParameterHelp = [
  { names: ending(limitNames, 'Iops'), values: 'a number, or `max`', meaning: 'Most operations a second' },
  { names: ending(limitNames, 'Bandwidth'), values: 'a number, or `max`', meaning: 'Most bytes a second' },
  {
    names: ending(reservationNames, ''),
    values: 'a number, or `none`',
    meaning: 'The rate that is reserved for the volume. Needs a pool whose budget has that rate',
  },
  {
    names: [...limitNames, ...reservationNames].map(([name]) => `${name}PerGiB`),
    values: 'a number',
    meaning:
      'The rate for each GiB of the volume, instead of a fixed number. Rounded down, at least 1. Follows an expansion',
  },
  {
    names: [...limitNames, ...reservationNames].flatMap(([name]) => [`${name}Min`, `${name}Max`]),
    values: 'a number',
    meaning: 'Bounds of the `PerGiB` rate in the same class',
  },
  {
    names: [enforcementName],
    values: '`strict`, `report` (default)',
    meaning: 'If a limit cannot be put in force: the publish fails, or it succeeds and the shortfall is reported',
  },
] as const;

/** A rate in parameters and the configuration, such as `500`, `2k`, `100Mi`; `undefined` if the text is not one. */
export function parseRate(text: string): bigint | undefined {
  const rate = parseBytes(text);
  return rate !== undefined && rate >= 1n && rate <= mostRate ? rate : undefined;
}

/**
 * Reads limits and reservations from the parameters, and ignores the others. Adds each problem to `problems`, with the parameter's name
 * and how to fix it.
 */
export function readQos(parameters: Readonly<Record<string, string>>, problems: string[]): QosChange {
  const read = <Word extends string>(names: readonly (readonly [string, RateKey])[], word: Word) => {
    const settings: Partial<Record<RateKey, Rate | Word>> = {};
    for (const [name, key] of names) {
      const setting = readSetting(name, given(parameters, name), word, problems);
      if (setting !== undefined) settings[key] = setting;
    }
    return settings;
  };
  const limits = read(limitNames, 'max');
  const reservations = read(reservationNames, 'none');
  for (const [name, key] of reservationNames) {
    const [reserved, limit] = [fixedOf(reservations[key]), fixedOf(limits[key])];
    if (reserved === undefined || limit === undefined || reserved <= limit) continue;
    problems.push(`${name} ${reserved} is more than ${key} ${limit}: lower it or raise the limit`);
  }
  return { limits, reservations, enforcement: readEnforcement(parameters, problems) };
}

/**
 * The change that ControllerModifyVolume asks for, or that CreateVolume adds to the class. Throws `invalid` with every parameter that
 * cannot be changed and every wrong value.
 */
export function parseQosChange(parameters: Readonly<Record<string, string>>): QosChange {
  const problems: string[] = [];
  for (const name of Object.keys(parameters)) {
    if (name.startsWith(kubernetesPrefix) || qosParameterNames.includes(name)) continue;
    problems.push(`parameter "${name}" cannot be changed; these can: ${qosParameterSummary}`);
  }
  const change = readQos(parameters, problems);
  if (problems.length > 0) throw new Failure('invalid', `mutable_parameters: ${problems.join('; ')}`);
  return change;
}

function given(parameters: Readonly<Record<string, string>>, name: string): Given {
  return Object.fromEntries(
    forms.flatMap((form) => (Object.hasOwn(parameters, name + form) ? [[form, parameters[name + form]]] : [])),
  );
}

function readSetting<Word extends string>(
  name: string,
  texts: Given,
  word: Word,
  problems: string[],
): Rate | Word | undefined {
  const { '': whole, PerGiB, Min, Max } = texts;
  const number = (form: Form) => readNumber(name + form, texts[form], '', problems);
  if (whole !== undefined && PerGiB !== undefined) {
    problems.push(`${name} and ${name}PerGiB contradict each other: give one of them`);
  }
  const fixed = whole === word ? undefined : readNumber(name, whole, ` or ${word}`, problems);
  const [perGiB, least, most] = [number('PerGiB'), number('Min'), number('Max')];
  for (const [form, text] of [['Min', Min] as const, ['Max', Max] as const]) {
    if (text !== undefined && PerGiB === undefined) {
      problems.push(`${name}${form} bounds ${name}PerGiB: give both, or leave ${name}${form} out`);
    }
  }
  if (least !== undefined && most !== undefined && least > most) {
    problems.push(`${name}Min ${Min} is more than ${name}Max ${Max}: exchange them`);
  }
  if (whole === word) return word;
  if (fixed !== undefined) return { fixed };
  return perGiB === undefined ? undefined : { perGiB, least, most };
}

function readNumber(name: string, text: string | undefined, word: string, problems: string[]): bigint | undefined {
  const rate = text === undefined ? undefined : parseRate(text);
  if (text !== undefined && rate === undefined) {
    problems.push(
      `${name} "${text}" must be a whole number from 1 to 1P, such as 500, 2k or 100Mi${word && `,${word}`}`,
    );
  }
  return rate;
}

function readEnforcement(parameters: Readonly<Record<string, string>>, problems: string[]): QosChange['enforcement'] {
  const text = Object.hasOwn(parameters, enforcementName) ? parameters[enforcementName] : undefined;
  if (text === undefined || text === 'strict' || text === 'report') return text;
  problems.push(`${enforcementName} "${text}" must be strict or report`);
  return undefined;
}

function fixedOf(setting: Rate | 'max' | 'none' | undefined): bigint | undefined {
  return typeof setting === 'object' && 'fixed' in setting ? setting.fixed : undefined;
}
