import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { print, type Rows } from '../../../src/cli/output.ts';

interface Disk {
  readonly name: string;
  readonly size: bigint;
  readonly note?: string | undefined;
}

const rows: Rows<Disk> = {
  columns: [
    { heading: 'NAME', cell: ({ name }) => name },
    { heading: 'NOTE', cell: ({ note }) => note ?? '' },
    { heading: 'SIZE', cell: ({ size }) => `${size} B`, wide: true },
  ],
  fields: { name: 'its name', size: 'bytes', note: 'a note' },
  none: 'No disk.',
};
const huge = 2n ** 63n - 1n;
const records: Disk[] = [
  { name: 'sda', size: 1n },
  { name: 'nvme0n1', size: huge },
];

test('a table is as wide as its cells, leaves out empty columns and ends with its footer', async () => {
  expect(await print(rows, { records, footer: '\nThat is all.\n' }, 'table')).toBe(
    'NAME\nsda\nnvme0n1\n\nThat is all.\n',
  );
});

test('a wide table has all columns', async () => {
  expect(await print(rows, { records }, 'wide')).toBe(`NAME     SIZE\nsda      1 B\nnvme0n1  ${huge} B\n`);
});

test('a table without rows prints a text instead', async () => {
  expect(await print(rows, { records: [], footer: 'never' }, 'table')).toBe('No disk.\n');
});

test('JSON has every digit of a size, omits unknown values, and has no footer', async () => {
  const text = await print(rows, { records, footer: 'for people' }, 'json');
  expect(text).toContain(`"size": ${huge}\n`);
  expect(JSON.parse(text)).toEqual({
    items: [
      { name: 'sda', size: 1 },
      { name: 'nvme0n1', size: Number(huge) },
    ],
  });
  expect(await print(rows, { records: [] }, 'json')).toBe('{\n  "items": []\n}\n');
});

test('YAML has the same shape as JSON', async () => {
  const text = await print(rows, { records: [{ name: 'sda', size: huge, note: 'a: b' }] }, 'yaml');
  expect(text).toContain(`size: ${huge}\n`);
  expect(parse(text, { intAsBigInt: true })).toEqual({ items: [{ name: 'sda', size: huge, note: 'a: b' }] });
});

test('JSON has only the fields that are documented', async () => {
  const more = [{ name: 'sda', size: 1n, secret: 'x' }];
  expect(JSON.parse(await print(rows, { records: more }, 'json'))).toEqual({ items: [{ name: 'sda', size: 1 }] });
});

test('replaces control characters in a table', async () => {
  const evil = [{ name: 'a\u001b[2J\nb', size: 1n }];
  expect(await print(rows, { records: evil }, 'table')).toBe('NAME\na\u{FFFD}[2J\u{FFFD}b\n');
  expect(await print(rows, { records: evil }, 'json')).toContain(String.raw`a\u001b[2J\nb`);
});
