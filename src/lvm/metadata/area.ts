import { crc32 } from 'node:zlib';

/** Bytes from the start of a disk to its first metadata area: LVM's label is before it. */
export const areaStart = 4096;
/** Bytes of an area's header. The texts of a group's metadata follow it, each behind the one before, and begin anew at the end: a ring. */
export const headerBytes = 512;

// struct mda_header of LVM's lib/format_text/layout.h; a checksum of 4 bytes is before the magic.
const magic = ' LVM2 x[5A%r0N*>';
const at = { magic: 4, size: 32, location: 40 } as const;
/** Of a `struct raw_locn`: offset and size, 8 bytes each, then a checksum and flags. */
const inLocation = { offset: 0, size: 8, checksum: 16, flags: 20 } as const;
/** RAW_LOCN_IGNORED: LVM keeps no metadata in this area. */
const ignored = 1;
/** INITIAL_CRC of LVM's lib/misc/crc.h, which complements nothing, while zlib complements what it gets and returns. */
const firstChecksum = 0xf5_97_a6_cf;

/** Where a disk says that the committed metadata is: offset from the start of the area, and size, in bytes. */
export interface Location {
  readonly offset: number;
  readonly size: number;
  readonly checksum: number;
}

export interface Header {
  /** Bytes of the area, with its header. */
  readonly size: number;
  readonly location: Location;
  /** The bytes of the location, as hexadecimal text: every commit of LVM changes them. */
  readonly place: string;
}

/** The header of an area that LVM uses; `undefined` for any other bytes. Its location is all zeros if no group ever committed there. */
export function parseHeader(bytes: Buffer): Header | undefined {
  if (bytes.toString('latin1', at.magic, at.magic + magic.length) !== magic) return undefined;
  const read = (field: number): number => Number(bytes.readBigUInt64LE(field));
  const flags = at.location + inLocation.flags;
  if ((bytes.readUInt32LE(flags) & ignored) !== 0) return undefined;
  const location = {
    offset: read(at.location + inLocation.offset),
    size: read(at.location + inLocation.size),
    checksum: bytes.readUInt32LE(at.location + inLocation.checksum),
  };
  return { size: read(at.size), location, place: bytes.toString('hex', at.location, flags) };
}

/** Whether a text of this size can be there. */
export function isPossible({ size, location: { offset, size: length } }: Header): boolean {
  return offset >= headerBytes && offset < size && length > 0 && length <= size - headerBytes;
}

export function checksumOf(text: Uint8Array): number {
  return complement(crc32(text, complement(firstChecksum)));
}

function complement(value: number): number {
  return (value ^ 0xff_ff_ff_ff) >>> 0;
}

/** The bytes of the ring, which begins behind the header, at the location: what is behind its end continues at its start. */
export function bytesAt(ring: Buffer, { offset, size }: Pick<Location, 'offset' | 'size'>): Buffer {
  const from = offset - headerBytes;
  const first = ring.subarray(from, from + size);
  return first.length === size ? first : Buffer.concat([first, ring.subarray(0, size - first.length)]);
}
