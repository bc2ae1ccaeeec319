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

const byAdministrators =
  'only a StorageClass, which an administrator writes, can set it: use a generic ephemeral volume';

/**
 * Parameters of a StorageClass that the authors of pods must not set, or that have no sense, each with the reason. With an option of
 * mkfs, a pod could have files of the node copied into its volume.
 */
const excluded: Readonly<Record<string, string>> = {
  snapshotSize: 'inline volumes have no snapshots',
  mkfsOptions: byAdministrators,
  ...Object.fromEntries(rateKeys.map((key) => [reservedName(key), byAdministrators])),
};

/** Why a parameter of a StorageClass, or one of its forms such as `…PerGiB`, is not offered; `undefined`: it is, or nothing has that name. */
function exclusion(name: string): string | undefined {
  return Object.entries(excluded).find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** The parameters of a StorageClass that an inline volume can have as attributes, without its `size`. */
export const inlineParameterNames: readonly string[] = [...Object.keys(classParameters), ...qosParameterNames].filter(
  (name) => exclusion(name) === undefined,
);

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
  const reason = exclusion(name);
  if (reason !== undefined) return `"${name}" is not offered: ${reason}`;
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
