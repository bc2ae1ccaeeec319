import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { settleRegions, wrongRegions } from '../../storm/content.ts';
import { absentVolume, acknowledge, doubt, either, known, losePower, settle, zeros } from '../../storm/model.ts';

const shape = { type: 'thin', stripes: 1, mirrors: 0, access: 'ext4' } as const;
const made = acknowledge(absentVolume('storm-1'), { facts: { exists: true, size: 100, iops: 5 }, shape });
const expansion = { facts: { size: 200 } };

test('what was acknowledged is known', () => {
  const grown = acknowledge(made, expansion);
  expect(known(grown)).toEqual({ exists: true, size: 200, iops: 5, staged: false, published: false });
  expect(known(acknowledge(grown, { facts: { exists: false } }))).toMatchObject({ exists: false, size: 0 });
});

test('a call that was cut off may have been done or not, until it is read again', () => {
  const grown = doubt(made, expansion);
  expect(grown.possible.size).toEqual([100, 200]);
  expect(known(grown)).toBeUndefined();
  const seen = { exists: true, size: 100, iops: 5, staged: false, published: false };
  expect(known(settle(grown, seen))).toEqual(seen);
  expect(doubt(absentVolume('storm-1'), { facts: { exists: true, size: 8 } }).possible).toMatchObject({
    exists: [false, true],
    size: [0, 8],
  });
});

test('a volume that turns out to be gone has nothing left of it', () => {
  const written = acknowledge(made, { facts: {}, write: { region: 3, content: 7 } });
  expect(settle(written, { exists: false, size: 0, iops: 0, staged: false, published: false })).toEqual(
    absentVolume('storm-1'),
  );
});

test('after a power cut nothing is mounted, and everything else is as it was', () => {
  const published = acknowledge(made, { facts: { staged: true, published: true } });
  expect(known(losePower(published))).toEqual(known(made));
});

const checksumOf = (content: number, region = 3): string => {
  const line = `region ${region} write ${content}\n`;
  return createHash('md5').update(line.repeat(65_536).slice(0, 65_536)).digest('hex');
};
const read = (content: number): string[] => Array.from({ length: 8 }, () => '').with(3, checksumOf(content));

test('a write that was acknowledged must be read back', () => {
  const written = acknowledge(made, { facts: {}, write: { region: 3, content: 7 } });
  expect(wrongRegions(written, read(7))).toEqual([]);
  expect(wrongRegions(written, read(6))).toEqual(['the content of storm-1, region 3, is not that of write 7']);
  expect(wrongRegions(written, ['absent'])).toHaveLength(1);
});

test('a new raw block device must read as zeros', () => {
  const blank = acknowledge(absentVolume('storm-2'), { facts: { exists: true }, made: { regions: zeros } });
  const zero = createHash('md5').update(Buffer.alloc(65_536)).digest('hex');
  const content = Array.from({ length: 8 }, () => zero);
  expect(wrongRegions(blank, content)).toEqual([]);
  expect(settleRegions(blank, content)[7]).toEqual(['zeros']);
  expect(wrongRegions(blank, content.with(7, 'other'))).toEqual([
    'the content of storm-2, region 7, is not that of write zeros',
  ]);
});

test('a write that was cut off may be there, or not, or in part; the others stay', () => {
  const written = acknowledge(made, { facts: {}, write: { region: 3, content: 7 } });
  const torn = doubt(written, { facts: {}, write: { region: 3, content: 8 } });
  for (const content of [6, 7, 8]) expect(wrongRegions(torn, read(content))).toEqual([]);
  expect(settleRegions(torn, read(8))[3]).toEqual([8]);
  expect(settleRegions(torn, read(6))[3]).toContain('anything');
  const other = doubt(written, { facts: {}, write: { region: 4, content: 8 } });
  expect(wrongRegions(other, read(6))).toHaveLength(1);
});

test('of two states either may be the right one', () => {
  const written = acknowledge(made, { facts: { size: 200 }, write: { region: 3, content: 7 } });
  const both = either(absentVolume('storm-1'), written);
  expect(both).toMatchObject({ shape, possible: { exists: [false, true], size: [0, 200], staged: [false] } });
  expect(both.regions[3]).toEqual(['anything', 7]);
});
