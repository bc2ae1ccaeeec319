import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BlockRange, MappingParser } from '../../../src/lvm/blocks/thin-mappings.ts';

const superblock = '<superblock uuid="" time="2" transaction="3" version="2" data_block_size="128" nr_data_blocks="0">';

/** As `thin_dump --dev-id 2` of thin-provisioning-tools 1.1.0 prints them. */
function dump(ranges: readonly BlockRange[]): string {
  const lines = ranges.map(({ begin, end }) =>
    end - begin === 1
      ? `    <single_mapping origin_block="${begin}" data_block="7" time="0"/>`
      : `    <range_mapping origin_begin="${begin}" data_begin="7" length="${end - begin}" time="0"/>`,
  );
  const device = '  <device dev_id="2" mapped_blocks="9" transaction="1" creation_time="1" snap_time="1">';
  return [superblock, device, ...lines, '  </device>', '</superblock>'].join('\n');
}

const kinds = ['different', 'left_only', 'right_only'] as const;

/** As `thin_delta --snap1 2 --snap2 3` prints them, with equal blocks between them. */
function delta(ranges: readonly BlockRange[], kind: (index: number) => (typeof kinds)[number]): string {
  const lines = ranges.flatMap(({ begin, end }, index) => {
    const before = ranges[index - 1]?.end ?? 0;
    const same = before < begin ? [`    <same begin="${before}" length="${begin - before}"/>`] : [];
    return [...same, `    <${kind(index)} begin="${begin}" length="${end - begin}"/>`];
  });
  return [superblock, '  <diff left="2" right="3">', ...lines, '  </diff>', '</superblock>', ''].join('\n');
}

/** Reads the text in pieces of the given lengths, again and again. */
function parse(parser: MappingParser, text: string, pieces: readonly number[] = [64]): BlockRange[] {
  const ranges: BlockRange[] = [];
  for (let at = 0, turn = 0; at < text.length; turn += 1) {
    const length = pieces[turn % pieces.length] ?? 64;
    ranges.push(...parser.push(text.slice(at, at + length)));
    at += length;
  }
  parser.finish();
  return ranges;
}

/** Ranges in ascending order, some of which touch. */
const ascending = fc
  .array(fc.record({ gap: fc.nat(1000), length: fc.integer({ min: 1, max: 5000 }) }), { maxLength: 60 })
  .map((steps) => {
    let at = 0;
    return steps.map(({ gap, length }) => {
      const begin = at + gap;
      at = begin + length;
      return { begin, end: at };
    });
  });
const pieces = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 });

describe('the list of blocks', () => {
  test('of one device is what was mapped, however the output is cut into pieces', () => {
    fc.assert(
      fc.property(ascending, pieces, (ranges, lengths) => {
        const parser = new MappingParser(2);
        expect(parse(parser, dump(ranges), lengths)).toEqual(ranges);
        expect(parser.blockSize).toBe(65_536n);
      }),
    );
  });

  test('of two devices is what differs', () => {
    fc.assert(
      fc.property(
        ascending,
        pieces,
        fc.array(fc.constantFrom(...kinds), { minLength: 1 }),
        (ranges, lengths, which) => {
          const text = delta(ranges, (index) => which[index % which.length] ?? 'different');
          expect(parse(new MappingParser(2, 3), text, lengths)).toEqual(ranges);
        },
      ),
    );
  });

  const whole = dump([
    { begin: 1, end: 2 },
    { begin: 4, end: 9 },
  ]);

  test('is refused if the output ends before its end, at any place', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        expect(() => parse(new MappingParser(2), whole.slice(0, length))).toThrow(/cannot be read|lacks the device/);
      }),
    );
  });

  test.each([
    ['lacks the device', superblock + '\n</superblock>'],
    ['has the line <device dev_id="22"', whole.replace('dev_id="2"', 'dev_id="22"')],
    ['not in ascending order', whole.replace('origin_begin="4"', 'origin_begin="1"')],
    ['not in ascending order', whole.replace('length="5"', 'length="0"')],
    ['has the line <def name="30">', whole.replace('  <device', '  <def name="30">\n  <device')],
    ['outside of its device', whole.replace(/ {2}<device.*\n/, '')],
    ['more than 1024 characters', whole.replace('time="0"', ' '.repeat(2000))],
    ['has the line <superblock', whole.replace(' data_block_size="128"', '')],
    ['has no block size', whole.replace(`${superblock}\n`, '')],
  ])('is refused if it %s', (why, text) => {
    const read = () => {
      const parser = new MappingParser(2);
      parse(parser, text);
      return parser.blockSize;
    };
    expect(read).toThrow(expect.objectContaining({ kind: 'unavailable', message: expect.stringContaining(why) }));
  });
});
