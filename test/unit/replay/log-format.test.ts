import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, parseLog } from '../../replay/log-format.ts';

type Written = Pick<Entry, 'kind' | 'sector' | 'sectors' | 'durable' | 'label'>;

const anyWrite = fc.record({
  kind: fc.constant('write' as const),
  sector: fc.nat(1_000_000),
  sectors: fc.integer({ min: 1, max: 64 }),
  durable: fc.boolean(),
  label: fc.constant(''),
});
const plain = (kind: Entry['kind'], more: Partial<Written> = {}): Written => ({
  kind,
  sector: 0,
  sectors: 0,
  durable: false,
  label: '',
  ...more,
});
const anyEntry: fc.Arbitrary<Written> = fc.oneof(
  anyWrite,
  fc.constant(plain('flush')),
  fc.nat(9999).map((sector) => plain('discard', { sector: sector * 8, sectors: 1 << 20 })),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }).map((label) => plain('mark', { label })),
);

/** The log as the kernel writes it, with sectors of this size; the data of entry N is full of N. */
function logOf(entries: readonly Written[], unit: number): Buffer {
  const scale = unit / 512;
  const superblock = Buffer.alloc(unit);
  superblock.writeBigUInt64LE(0x6a736677736872n, 0);
  superblock.writeBigUInt64LE(1n, 8);
  superblock.writeBigUInt64LE(BigInt(entries.length), 16);
  superblock.writeUInt32LE(unit, 24);
  const parts = entries.flatMap(({ kind, sector, sectors, durable, label }, index) => {
    const header = Buffer.alloc(unit);
    const bits = { write: 0, flush: 1, discard: 4, mark: 8 }[kind] + (durable ? 2 : 0);
    [sector / scale, sectors / scale, bits, label.length].forEach((value, at) =>
      header.writeBigUInt64LE(BigInt(value), at * 8),
    );
    header.write(label, 32);
    return kind === 'write' ? [header, Buffer.alloc(sectors * 512, index % 256)] : [header];
  });
  return Buffer.concat([superblock, ...parts]);
}

const parse = (log: Buffer) => parseLog((offset, length) => log.subarray(offset, offset + length));

test('reads the entries of any log, and where the data of each write is', () => {
  fc.assert(
    fc.property(fc.array(anyEntry), fc.constantFrom(512, 4096), (written, unit) => {
      const scale = unit / 512;
      const entries = written.map((entry) => ({
        ...entry,
        sector: entry.sector * scale,
        sectors: entry.sectors * scale,
      }));
      const log = logOf(entries, unit);
      const parsed = parse(log);
      expect(parsed).toEqual(entries.map((entry) => expect.objectContaining(entry)));
      for (const [index, { kind, data, sectors }] of parsed.entries()) {
        if (kind !== 'write') continue;
        expect(log.subarray(data, data + sectors * 512)).toEqual(Buffer.alloc(sectors * 512, index % 256));
      }
    }),
  );
});

test('refuses what is no log', () => {
  expect(() => parse(Buffer.alloc(512))).toThrow('there is no log of dm-log-writes');
});
