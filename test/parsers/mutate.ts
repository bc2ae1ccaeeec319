import type { Random } from '../storm/random.ts';

const longest = 4096;
const numbers = ['0', '-1', '1', '4294967296', '18446744073709551615', '9'.repeat(40), '0x10', '1e400', 'NaN'];

/** Changes the bytes in one to four places: bits, bytes, parts of this and of other inputs, numbers in binary and as text. */
export function mutate(input: Buffer, others: readonly Buffer[], random: Random): Buffer {
  let bytes = input;
  for (let left = 1 + random.below(4); left > 0; left -= 1) bytes = random.pick(changes)(bytes, others, random);
  return bytes.subarray(0, Math.max(longest, input.length));
}

type Change = (bytes: Buffer, others: readonly Buffer[], random: Random) => Buffer;

const changes: readonly Change[] = [
  (bytes, _others, random) => altered(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  (bytes, _others, random) => altered(bytes, random, () => random.below(256)),
  (bytes, _others, random) => altered(bytes, random, (byte) => byte + random.pick([-1, 1])),
  (bytes, _others, random) => replaced(bytes, random, Buffer.alloc(0)),
  (bytes, _others, random) => replaced(bytes, random, part(bytes, random)),
  (bytes, others, random) => replaced(bytes, random, part(random.pick(others), random)),
  (bytes, _others, random) => replaced(bytes, random, Buffer.from(random.pick(numbers))),
  (bytes, _others, random) => replaced(bytes, random, Buffer.alloc(1 + random.below(16), random.pick([0, 0xff, 0x20]))),
  replacedNumber,
];

function altered(bytes: Buffer, random: Random, change: (byte: number) => number): Buffer {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const at = random.below(copy.length);
  copy[at] = change(copy[at] as number) & 0xff;
  return copy;
}

function part(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1);
  return bytes.subarray(from, from + random.below(Math.min(64, bytes.length - from) + 1));
}

/** Up to 16 bytes at a random place become these. */
function replaced(bytes: Buffer, random: Random, by: Buffer): Buffer {
  const from = random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(from + random.below(17))]);
}

/** A number in decimals becomes another one. */
function replacedNumber(bytes: Buffer, _others: readonly Buffer[], random: Random): Buffer {
  const found = [...bytes.toString('latin1').matchAll(/\d+/g)];
  if (found.length === 0) return bytes;
  const { index, 0: text } = random.pick(found);
  const by = Buffer.from(random.pick([...numbers, `${BigInt(text) + 1n}`]));
  return Buffer.concat([bytes.subarray(0, index), by, bytes.subarray(index + text.length)]);
}
