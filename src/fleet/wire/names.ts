import { Failure } from '../../domain/errors.ts';
import { parsePoolName, parseVgName, parseVolumeId, type PoolName, type VgName } from '../../domain/ids.ts';

export function readVolumeId(text: string): NonNullable<ReturnType<typeof parseVolumeId>> {
  const parsed = parseVolumeId(text);
  if (parsed) return parsed;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no volume id`);
}

export function readPoolName(text: string): PoolName {
  const name = parsePoolName(text);
  if (name) return name;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no pool name`);
}

export function readVgName(text: string): VgName {
  const name = parseVgName(text);
  if (name) return name;
  throw new Failure('invalid', `"${text.slice(0, 128)}" is no name of a volume group`);
}
