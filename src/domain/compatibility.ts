import { satisfies } from './erasure.ts';
import { type Encryption, type Integrity, usableSize } from './encryption.ts';
import { type ContentSource, printSource } from './snapshot.ts';
import type { Inline, Volume, VolumeSpec } from './volume.ts';

/** Why an existing volume does not satisfy a request for the same name; empty if it does. */
export function incompatibilities(volume: Volume, spec: VolumeSpec): string[] {
  const problems: string[] = [];
  const { required, limit } = spec.size;
  if (volume.name !== spec.name) problems.push(`it was made for the name "${volume.name}"`);
  const size = usableSize(volume);
  if (size < required) problems.push(`it has ${size} bytes, fewer than the ${required} asked for`);
  if (limit !== undefined && size > limit) problems.push(`it has ${size} bytes, more than the limit of ${limit}`);
  if (volume.pool !== spec.pool) problems.push(`it is in pool ${volume.pool}, not ${spec.pool}`);
  for (const [key, value] of Object.entries(volume.layout)) {
    const asked = (spec.layout as Record<string, unknown>)[key];
    if (asked !== value) problems.push(`its ${key} is ${value}, not ${String(asked)}`);
  }
  if ((volume.encryption === undefined) !== (spec.encryption === undefined))
    problems.push(`it is ${volume.encryption ? '' : 'not '}encrypted`);
  const [has, asked] = [integrityOf(volume), integrityOf(spec)];
  if (has !== asked) problems.push(`its encryptionIntegrity is ${has ?? 'none'}, not ${asked ?? 'none'}`);
  const options = volume.mkfsOptions.join(' ');
  if (options !== spec.mkfsOptions.join(' ')) problems.push(`its mkfsOptions are "${options}"`);
  if (text(volume.source) !== text(spec.source))
    problems.push(`it was made from ${text(volume.source)}, not from ${text(spec.source)}`);
  if (volume.inline?.pod.uid !== spec.inline?.pod.uid)
    problems.push(`it belongs to ${owner(volume.inline)}, not to ${owner(spec.inline)}`);
  if (!satisfies(volume.erase, spec.erase)) problems.push(`its erase is ${volume.erase ?? 'none'}, not ${spec.erase}`);
  return problems;
}

function integrityOf({ encryption }: { readonly encryption?: Encryption | undefined }): Integrity | undefined {
  return encryption?.type === 'luks2' ? encryption.integrity : undefined;
}

function owner(inline: Inline | undefined): string {
  return inline ? `pod ${inline.pod.namespace}/${inline.pod.name} (${inline.pod.uid})` : 'no pod';
}

function text(source: ContentSource | undefined): string {
  return source === undefined ? 'nothing' : printSource(source);
}
