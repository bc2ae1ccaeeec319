/** An entry of the log of dm-log-writes, in the order in which the disk got them. Sectors have 512 bytes. */
export interface Entry {
  readonly kind: 'write' | 'flush' | 'discard' | 'mark';
  /** First sector. */
  readonly sector: number;
  readonly sectors: number;
  /** The write is on the medium when it completes. */
  readonly durable: boolean;
  /** Byte offset of the data in the log; of a write only. */
  readonly data: number;
  /** Of a mark only. */
  readonly label: string;
}

/** Bytes of the log from an offset. */
export type ReadLog = (offset: number, length: number) => Buffer;

const magic = 0x6a_73_66_77_73_68_72n;
const sectorBytes = 512;
const flags = { flush: 1, fua: 2, discard: 4, mark: 8 } as const;
const headerBytes = 32;

/**
 * The entries of a log, as drivers/md/dm-log-writes.c writes it: a superblock, then for each entry a header in a sector of its own and
 * the data of a write. Throws if it is no such log. The superblock is written when the log's device is flushed or the target is removed.
 */
export function parseLog(read: ReadLog): Entry[] {
  const superblock = read(0, headerBytes);
  if (superblock.readBigUInt64LE(0) !== magic || superblock.readBigUInt64LE(8) !== 1n) {
    throw new Error('there is no log of dm-log-writes');
  }
  const count = Number(superblock.readBigUInt64LE(16));
  const unit = superblock.readUInt32LE(24);
  const entries: Entry[] = [];
  let offset = unit;
  for (let index = 0; index < count; index += 1) {
    const header = read(offset, headerBytes);
    const [sector, blocks, bits, length] = [0, 8, 16, 24].map((at) => Number(header.readBigUInt64LE(at))) as [
      number,
      number,
      number,
      number,
    ];
    offset += unit;
    const sectors = (blocks * unit) / sectorBytes;
    const label = bits & flags.mark ? read(offset - unit + headerBytes, length).toString() : '';
    entries.push({
      kind: kindOf(bits, sectors),
      sector: (sector * unit) / sectorBytes,
      sectors,
      durable: (bits & flags.fua) !== 0,
      data: offset,
      label,
    });
    if (!(bits & flags.discard)) offset += blocks * unit;
  }
  return entries;
}

function kindOf(bits: number, sectors: number): Entry['kind'] {
  if (bits & flags.mark) return 'mark';
  if (bits & flags.discard) return 'discard';
  return sectors === 0 ? 'flush' : 'write';
}
