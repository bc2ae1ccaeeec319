import { setTimeout as sleep } from 'node:timers/promises';
import { type Bytes, MiB, roundUp, smallest } from '../../domain/bytes.ts';
import type { ThinMetadata } from '../blocks/thin-metadata.ts';
import type { LvRecord } from '../records.ts';
import { planCopy, WrittenMap } from './copy-plan.ts';
import type { CopyRange } from './copy-range.ts';

/** A logical volume with content to copy; `size`: the bytes of the content. */
export type CopiedLv = Pick<LvRecord, 'group' | 'lv' | 'uuid' | 'size' | 'thinPool'>;

/** What was written of a thin source; `undefined` for a thick one, of which LVM has no record. */
export async function writtenMapOf(
  { group, thinPool, uuid, size }: CopiedLv,
  thinMetadata: ThinMetadata,
  signal: AbortSignal,
): Promise<WrittenMap | undefined> {
  if (thinPool === undefined) return undefined;
  const map = new WrittenMap(size);
  for await (const extents of thinMetadata.ranges({ group, lv: thinPool }, [uuid], signal))
    for (const extent of extents) map.add(extent);
  return map;
}

/** The map of content that is zeros. */
export const nothingWritten = new WrittenMap(0n);

export interface CopiedContent {
  /** Absent: there is no source, and the content is zeros. */
  readonly from?: string;
  readonly to: string;
  readonly size: Bytes;
  /** The target reads as zeros where nothing was written. */
  readonly sparse: boolean;
  /** Absent: all of the source may have been written. */
  readonly map: WrittenMap | undefined;
  /** The bytes that are on the target's disks already. */
  readonly copied: Bytes;
}

/** How content is copied. */
export interface CopyPace {
  readonly range: CopyRange;
  /** Bytes per second, at most. */
  readonly rate: Bytes;
  /** Called with the bytes that are on the target's disks, not more often than every so many milliseconds. */
  readonly record: (copied: Bytes) => Promise<void>;
  readonly recordEvery: number;
  /** @param done the part of it that is copied, 0 to 1 */
  readonly progress: (done: number) => void;
}

/** The most bytes of one program. */
const longestStep = 64n * MiB;

/** Copies the rest of the content, in steps. Throws as `CopyRange` does. */
export async function copyContent(content: CopiedContent, pace: CopyPace, signal: AbortSignal): Promise<void> {
  const { size, map, sparse } = content;
  // No program takes much longer than a second by the rate, so that the pauses between them are short.
  const step = roundUp(smallest(longestStep, pace.rate), MiB);
  let recorded = performance.now();
  for (let at = content.copied; at < size;) {
    pace.progress(Number(at) / Number(size));
    const started = performance.now();
    const until = smallest(at + step, size);
    const written = await copyParts(content, planCopy(map, at, until, sparse), pace.range, signal);
    at = until;
    if (at === size) return;
    if (performance.now() - recorded >= pace.recordEvery) {
      await pace.record(at);
      recorded = performance.now();
    }
    const least = (Number(written) / Number(pace.rate)) * 1000;
    if (written > 0n) await sleep(Math.max(0, least - (performance.now() - started)), undefined, { signal });
  }
}

/** Returns the bytes of the parts. */
async function copyParts(
  { from, to, sparse }: CopiedContent,
  parts: ReturnType<typeof planCopy>,
  range: CopyRange,
  signal: AbortSignal,
): Promise<Bytes> {
  let written = 0n;
  for (const { start, length, content, block } of parts) {
    const part = { to, sparse, offset: start, size: length, block };
    await range(content === 'source' && from !== undefined ? { ...part, from } : part, signal);
    written += length;
  }
  return written;
}
