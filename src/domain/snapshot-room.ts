import { type Bytes, KiB, largest, parseBytes, roundUp, smallest } from './bytes.ts';

/** The room that a thick snapshot gets when it is taken: bytes, or percent of its volume's size. */
export type SnapshotRoom = { readonly bytes: Bytes } | { readonly percent: number };

/** The room of a snapshot whose class gives none. */
export const defaultRoom: SnapshotRoom = { percent: 20 };

/** What is wrong with a text that `parseSnapshotRoom` does not read. */
export const roomProblem =
  'must be percent of the volume, such as 20%, or bytes, such as 2Gi; more than 0, and 100% at most';

/** Reads `20%` or a quantity of bytes such as `2Gi`; `undefined` for any other text, for 0 and for more than 100 %. */
export function parseSnapshotRoom(text: string): SnapshotRoom | undefined {
  const [, digits] = /^(\d{1,3}(?:\.\d{1,2})?)%$/.exec(text) ?? [];
  if (digits !== undefined) {
    const percent = Number(digits);
    return percent > 0 && percent <= 100 ? { percent } : undefined;
  }
  const bytes = parseBytes(text);
  return bytes !== undefined && bytes > 0n ? { bytes } : undefined;
}

/** Reads the parameter `snapshotSize` of a class; absent: no room, and no problems. */
export function readSnapshotSize(text: string | undefined): {
  readonly room: SnapshotRoom | undefined;
  readonly problems: readonly string[];
} {
  const room = text === undefined ? undefined : parseSnapshotRoom(text);
  const wrong = text !== undefined && !room;
  return { room, problems: wrong ? [`parameters: snapshotSize "${text}" ${roomProblem}`] : [] };
}

/** As `parseSnapshotRoom` reads it. */
export function printSnapshotRoom(room: SnapshotRoom): string {
  return 'bytes' in room ? String(room.bytes) : `${room.percent}%`;
}

/** LVM's default, and the least: it needs the most room for its records. */
const chunk = 4n * KiB;
/** The bytes that the kernel records for each chunk that it has kept (dm-snap-persistent.c, `struct disk_exception`). */
const record = 16n;

/** The most room that a snapshot of a volume of `size` bytes can need: every chunk of it, and the records of them. LVM gives no more. */
export function largestRoom(size: Bytes, extentSize: Bytes): Bytes {
  const records = roundUp(((size + chunk - 1n) / chunk) * record, chunk);
  return roundUp(size + records + chunk, extentSize);
}

/** The bytes to give to a new snapshot of a volume of `size` bytes: a multiple of an extent, at least one. 100 % are room for every write. */
export function roomFor(room: SnapshotRoom, size: Bytes, extentSize: Bytes): Bytes {
  const most = largestRoom(size, extentSize);
  if ('percent' in room && room.percent === 100) return most;
  const wanted = 'bytes' in room ? room.bytes : (size * BigInt(Math.round(room.percent * 100))) / 10_000n;
  return smallest(largest(roundUp(wanted, extentSize), extentSize), most);
}
