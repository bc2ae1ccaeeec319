import { type Bytes, largest, smallest } from './bytes.ts';
import type { SnapshotId } from './ids.ts';

/** A range of a snapshot, in bytes from its start. */
export interface Extent {
  readonly start: Bytes;
  /** More than 0. */
  readonly length: Bytes;
}

/** The blocks of a snapshot that are asked for. */
export interface BlockQuery {
  readonly snapshot: SnapshotId;
  /** Only blocks that differ from those of this snapshot; absent: all that were ever written. */
  readonly base?: SnapshotId | undefined;
  /** Nothing before this offset. */
  readonly from: Bytes;
}

/** The part of an extent between two offsets; `undefined` if there is none. */
export function clip({ start, length }: Extent, from: Bytes, to: Bytes): Extent | undefined {
  const [begin, end] = [largest(start, from), smallest(start + length, to)];
  return begin < end ? { start: begin, length: end - begin } : undefined;
}

/** Joins extents that touch, and returns each when it is complete. Extents come in ascending order. */
export class ExtentMerger {
  #last: Extent | undefined;

  /** The extent that is complete now. */
  add(extent: Extent): Extent | undefined {
    const last = this.#last;
    if (last && last.start + last.length === extent.start) {
      this.#last = { start: last.start, length: last.length + extent.length };
      return undefined;
    }
    this.#last = extent;
    return last;
  }

  /** The last extent. */
  end(): Extent | undefined {
    const last = this.#last;
    this.#last = undefined;
    return last;
  }
}
