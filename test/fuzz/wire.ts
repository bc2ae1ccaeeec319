import type { Random } from '../storm/random.ts';

/** The kinds of fields in protobuf's encoding. */
export const wireTypes = { varint: 0, fixed64: 1, delimited: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** A number as protobuf writes it; 64 bits at most, a negative one as its two's complement. */
export function varint(number: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, number);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function tag(id: number, wireType: number): Buffer {
  return varint((BigInt(id) << 3n) | BigInt(wireType));
}

/** A field of text, bytes or a message. */
export function delimited(id: number, content: Uint8Array): Buffer {
  return Buffer.concat([tag(id, wireTypes.delimited), varint(BigInt(content.length)), content]);
}

/** A message of gRPC: a byte for compression, the length, the content. */
export function framed(content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

const groups = Buffer.concat(Array.from({ length: 3000 }, () => tag(100, wireTypes.groupStart)));

/** Changes of an encoding: most of the results are no message, and some are another one. */
const mutations: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    for (let count = 1 + random.below(4); count > 0 && changed.length > 0; count -= 1) {
      const at = random.below(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
    }
    return changed;
  },
  (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const more = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  // A field that comes twice: the last one counts, and messages are merged.
  (bytes) => Buffer.concat([bytes, bytes]),
  (bytes, random) => {
    const [from, to] = [random.below(bytes.length + 1), random.below(bytes.length + 1)].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => Buffer.concat([bytes, tag(1 + random.below(30), wireTypes.delimited), varint(1n << 62n)]),
  (bytes) => Buffer.concat([bytes, groups]),
  (bytes) => Buffer.concat([bytes, delimited(536_870_911, Buffer.alloc(64, 0xff))]),
];

export function mutate(bytes: Buffer, random: Random): Buffer {
  return random.pick(mutations)(bytes, random);
}

/** Bytes without any form. */
export function noise(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
}
