import protobuf from 'protobufjs';
import type { Random } from '../storm/random.ts';
import { notUtf8 } from './texts.ts';
import { delimited, noise, tag, varint, wireTypes } from './wire.ts';

export interface Sources {
  readonly random: Random;
  /** Texts for fields: hostile ones, and the names that exist. */
  readonly texts: readonly string[];
}

/** The least and the largest of each kind, and those next to them. */
export const numbers: readonly bigint[] = [
  0n,
  1n,
  -1n,
  2n,
  4096n,
  2n ** 20n,
  2n ** 30n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const [deepest, many] = [4, 300];

/** A message of the type with extreme values, as bytes: fields that are absent, repeated, of another wire type or unknown, too. */
export function generate(type: protobuf.Type, sources: Sources, depth = 0): Buffer {
  const { random } = sources;
  const parts = type.fieldsArray.flatMap((field) => (random.chance(0.6) ? fieldOf(field, sources, depth) : []));
  if (random.chance(0.03)) parts.push(delimited(1000 + random.below(1000), noise(random)));
  return Buffer.concat(parts);
}

function fieldOf(field: protobuf.Field, sources: Sources, depth: number): Buffer[] {
  const { random } = sources;
  if (random.chance(0.01)) return [wrongType(field, sources)];
  const times = field.repeated || field.map ? countOf(random) : random.chance(0.02) ? 2 : 1;
  return Array.from({ length: times }, () => occurrence(field, sources, depth));
}

function countOf(random: Random): number {
  return random.chance(0.01) ? many : random.below(4);
}

function occurrence(field: protobuf.Field, sources: Sources, depth: number): Buffer {
  if (field instanceof protobuf.MapField) {
    return delimited(field.id, Buffer.concat([delimited(1, textOf(sources)), valueOf(field, 2, sources, depth)]));
  }
  return valueOf(field, field.id, sources, depth);
}

function valueOf(field: protobuf.Field, id: number, sources: Sources, depth: number): Buffer {
  const { random } = sources;
  const { resolvedType, type } = field;
  if (resolvedType instanceof protobuf.Type) {
    return delimited(id, depth < deepest ? generate(resolvedType, sources, depth + 1) : Buffer.alloc(0));
  }
  if (resolvedType instanceof protobuf.Enum) {
    const known = Object.values(resolvedType.values).map(BigInt);
    return numeric(id, random.chance(0.9) ? random.pick(known) : random.pick(numbers));
  }
  if (type === 'string') return delimited(id, textOf(sources));
  if (type === 'bytes') return delimited(id, noise(random));
  if (type === 'double') return fixed(id, wireTypes.fixed64, random);
  if (type === 'float') return fixed(id, wireTypes.fixed32, random);
  return numeric(id, random.pick(numbers));
}

function textOf({ random, texts }: Sources): Buffer {
  return random.chance(0.02) ? random.pick(notUtf8) : Buffer.from(random.pick(texts));
}

function numeric(id: number, number: bigint): Buffer {
  return Buffer.concat([tag(id, wireTypes.varint), varint(number)]);
}

function fixed(id: number, wireType: 1 | 5, random: Random): Buffer {
  const value = random.pick([0, -1, 1, 50, 100, 1e308, Number.NaN, Infinity, -Infinity]);
  const bytes = Buffer.alloc(wireType === wireTypes.fixed64 ? 8 : 4);
  if (wireType === wireTypes.fixed64) bytes.writeDoubleLE(value);
  else bytes.writeFloatLE(value);
  return Buffer.concat([tag(id, wireType), bytes]);
}

function wrongType(field: protobuf.Field, { random }: Sources): Buffer {
  const wireType = random.below(8);
  return Buffer.concat([tag(field.id, wireType), noise(random)]);
}
