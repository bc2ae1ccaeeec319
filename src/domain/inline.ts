import { type Bytes, parseBytes } from './bytes.ts';
import { Failure, isFailure } from './errors.ts';
import { type ClassParameters, classParameters, parseParameters } from './parameters.ts';
import { kubernetesPrefix, qosParameterNames } from './qos-parameters.ts';
import { reservedName, rateKeys } from './qos.ts';

/** Kubelet sets it to `true` for an inline volume. */
const mark = `${kubernetesPrefix}ephemeral`;

/** Whether the context of a volume says that it is an inline one. */
export function isInline(context: Readonly<Record<string, string>>): boolean {
  return context[mark] === 'true';
}

/** The parameters of a StorageClass that an inline volume can have as attributes, without limits. */
const offered = ['pool', 'type', 'stripes', 'stripeSize', 'mirrors', 'erase'];
const offeredEncryption = ['encryption', 'encryptionCipher', 'encryptionKeySize', 'encryptionOptions'];
/** Each with its forms, such as `…PerGiB`. */
const reserved = rateKeys.map(reservedName);
const isReservation = (name: string): boolean => reserved.some((one) => name.startsWith(one));

/** The names of attributes, without `size`. */
export const inlineParameterNames: readonly string[] = [
  ...offered,
  ...offeredEncryption,
  ...qosParameterNames.filter((name) => !isReservation(name)),
];

/** What a pod asks for by the attributes of an inline volume. */
export interface InlineAttributes {
  readonly parameters: ClassParameters;
  /** Absent: the default. */
  readonly size: Bytes | undefined;
}

/** Reads the attributes in the context of an inline volume. Throws `invalid` with every problem at once. */
export function parseInlineAttributes(context: Readonly<Record<string, string>>): InlineAttributes {
  const problems: string[] = [];
  const { size: text, ...rest } = context;
  const size = text === undefined ? undefined : parseBytes(text);
  if (text !== undefined && (size === undefined || size === 0n))
    problems.push(`size "${text}" must be a number of bytes of at least 1, such as 512Mi or 10Gi`);
  const own = Object.entries(rest).filter(([name]) => !name.startsWith(kubernetesPrefix));
  const known = own.filter(([name]) => inlineParameterNames.includes(name));
  for (const [name] of own) if (!inlineParameterNames.includes(name)) problems.push(whyNot(name));
  const parameters = readParameters(Object.fromEntries(known), problems);
  if (problems.length > 0 || !parameters) throw new Failure('invalid', `volumeAttributes: ${problems.join('; ')}`);
  return { parameters, size };
}

function whyNot(name: string): string {
  if (name === 'snapshotSize') return `"${name}" is not offered: inline volumes have no snapshots`;
  // With an option of mkfs, the author of a pod could have files of the node copied into a volume.
  if (Object.hasOwn(classParameters, name) || (qosParameterNames.includes(name) && isReservation(name))) {
    return `"${name}" is not offered: only an administrator can set it, in a StorageClass; use a generic ephemeral volume`;
  }
  const listed = ['size', ...inlineParameterNames.filter((one) => !/(?:PerGiB|Min|Max)$/.test(one))].join(', ');
  return `"${name}" is unknown; known: ${listed} (limits also with PerGiB, Min and Max)`;
}

function readParameters(given: Readonly<Record<string, string>>, problems: string[]): ClassParameters | undefined {
  try {
    return parseParameters(given);
  } catch (error) {
    if (!isFailure(error, 'invalid')) throw error;
    problems.push(error.message);
    return undefined;
  }
}
