import { type Bytes, KiB, MiB, smallest } from '../../domain/bytes.ts';
import type { Extent } from '../../domain/changed-blocks.ts';

/** The smallest block of a thin pool. */
const leastUnit = 64n * KiB;
/** A map takes a byte for each unit. */
const mostUnits = 2n ** 23n;

/** Which parts of a thin volume have blocks. Its memory has a bound: for a volume above 512 GiB it is less exact. */
export class WrittenMap {
  readonly #unit: Bytes;
  readonly #units: Uint8Array;

  /** @param size bytes of the volume */
  constructor(size: Bytes) {
    let unit = leastUnit;
    while (size / unit > mostUnits) unit *= 2n;
    this.#unit = unit;
    this.#units = new Uint8Array(Number((size + unit - 1n) / unit));
  }

  add({ start, length }: Extent): void {
    this.#units.fill(1, Number(start / this.#unit), Number((start + length + this.#unit - 1n) / this.#unit));
  }

  /** The parts from `from` to `to` that have blocks, in ascending order and apart. */
  *runs(from: Bytes, to: Bytes): Generator<Extent, void, undefined> {
    const end = Number((to + this.#unit - 1n) / this.#unit);
    const isIn = (at: number): boolean => at >= 0 && at < end;
    for (let at = this.#units.indexOf(1, Number(from / this.#unit)); isIn(at);) {
      const after = this.#units.indexOf(0, at);
      const start = BigInt(at) * this.#unit;
      const begin = start > from ? start : from;
      yield { start: begin, length: smallest(to, after < 0 ? to : BigInt(after) * this.#unit) - begin };
      at = after < 0 ? after : this.#units.indexOf(1, after);
    }
  }
}

/** A part of a copy that one program makes: of the source's content, or of zeros. */
export interface CopyPart extends Extent {
  readonly content: 'source' | 'zeros';
  /** Bytes of a read and a write. */
  readonly block: Bytes;
}

/** More parts of one window are read as one, in small blocks: a program takes longer to start than to read zeros. */
const mostParts = 8;

/**
 * The parts of a window of the source to copy. Where the source was never written it reads as zeros: a target that reads as zeros itself (`sparse`)
 * gets nothing there, any other one gets zeros. Without a map all of the source counts as written.
 */
export function planCopy(map: WrittenMap | undefined, from: Bytes, to: Bytes, sparse: boolean): CopyPart[] {
  const whole = { start: from, length: to - from, content: 'source', block: MiB } as const;
  const runs = map ? [...map.runs(from, to)] : [whole];
  const [first, last] = [runs[0], runs.at(-1)];
  if (!first || !last) return sparse ? [] : [{ ...whole, content: 'zeros' }];
  const start = first.start;
  const end = last.start + last.length;
  const scattered = runs.length > mostParts;
  const copied: CopyPart[] = scattered
    ? [{ start, length: end - start, content: 'source', block: leastUnit }]
    : runs.map((run) => ({ start: run.start, length: run.length, content: 'source', block: MiB }));
  return sparse ? copied : withZeros(copied, from, to);
}

function withZeros(copied: readonly CopyPart[], from: Bytes, to: Bytes): CopyPart[] {
  const all: CopyPart[] = [];
  let at = from;
  const zeros = (until: Bytes): void => {
    if (until > at) all.push({ start: at, length: until - at, content: 'zeros', block: MiB });
  };
  for (const part of copied) {
    zeros(part.start);
    all.push(part);
    at = part.start + part.length;
  }
  zeros(to);
  return all;
}
