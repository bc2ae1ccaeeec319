import type { RunResult } from '../exec/run.ts';

export interface Signature {
  /** libblkid's name of the type: `ext4`, `LVM2_member`. */
  readonly type: string;
  readonly uuid?: string | undefined;
  readonly label?: string | undefined;
}

/** The signatures that a probe found, or why they are unknown: unknown is not "none". */
export type Signatures = { readonly found: readonly Signature[] } | { readonly unknown: string };

/** The answer of `blkid -p -o export`. */
export function readBlkid({ exitCode, stdout, stderr }: RunResult): Signatures {
  // blkid also exits with 2, without a message, if it could not open the device: the other probes have to agree.
  if (exitCode === 2 && stdout.trim() === '' && stderr.trim() === '') return { found: [] };
  if (exitCode === 8) return { unknown: 'sees signatures that contradict each other (exit code 8)' };
  if (exitCode !== 0) return unanswered(exitCode, stderr);
  const values = parseExport(stdout);
  const [type, table] = [values.get('TYPE'), values.get('PTTYPE')];
  const found: Signature[] = [];
  if (type !== undefined) found.push({ type, uuid: values.get('UUID'), label: values.get('LABEL') });
  if (table !== undefined) found.push({ type: `a partition table of type ${table}` });
  if (found.length > 0) return { found };
  const keys = [...values.keys()].filter((key) => key !== 'DEVNAME');
  // A partition's entry in the table of its disk says nothing about the partition's content.
  if (keys.length > 0 && keys.every((key) => key.startsWith('PART_ENTRY_'))) return { found: [] };
  return { unknown: `reports neither a signature nor its absence (${keys.join(', ') || 'no output'})` };
}

/** The answer of `wipefs --no-act --json`. */
export function readWipefsJson({ exitCode, stdout, stderr }: RunResult): Signatures {
  if (exitCode !== 0) return unanswered(exitCode, stderr);
  // Before util-linux 2.34, wipefs printed nothing for a device without signatures.
  if (stdout.trim() === '') return { found: [] };
  const list = parseJson(stdout)?.signatures;
  if (!Array.isArray(list)) return { unknown: 'printed an unknown format' };
  return { found: list.map(toSignature) };
}

/** The answer of `wipefs --no-act --parsable`, for versions without JSON: `offset,uuid,label,type`. */
export function readWipefsTable({ exitCode, stdout, stderr }: RunResult): Signatures {
  if (exitCode !== 0) return unanswered(exitCode, stderr);
  const lines = stdout.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return {
    found: lines.map((line) => {
      const [, uuid, label, type] = line.split(',');
      return { type: type || `unknown (${line})`, uuid: uuid || undefined, label: label || undefined };
    }),
  };
}

/** `ext4 (label "data", uuid 0b5d…)`. Labels come from the disk, so they are quoted and their control characters escaped. */
export function describeSignature({ type, label, uuid }: Signature): string {
  const details = [
    ...(label === undefined ? [] : [`label ${JSON.stringify(label)}`]),
    ...(uuid === undefined ? [] : [`uuid ${uuid}`]),
  ];
  return details.length === 0 ? type : `${type} (${details.join(', ')})`;
}

function unanswered(exitCode: number, stderr: string): Signatures {
  const words = stderr.trim().split('\n')[0] ?? '';
  return { unknown: `ended with exit code ${exitCode}${words === '' ? '' : `: ${words}`}` };
}

function parseExport(stdout: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1).replaceAll(/\\(.)/g, '$1'));
  }
  return values;
}

function parseJson(text: string): { signatures?: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function toSignature(entry: unknown): Signature {
  const { type, uuid, label } = (entry ?? {}) as Record<string, unknown>;
  return { type: asText(type) ?? 'a signature without a type', uuid: asText(uuid), label: asText(label) };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
