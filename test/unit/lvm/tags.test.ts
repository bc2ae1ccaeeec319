import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LvName, NodeName, PoolName, VgName, VolumeId } from '../../../src/domain/ids.ts';
import { noQos, type RateKey, rateKeys, type RateSettings } from '../../../src/domain/qos.ts';
import type { Layout, Volume } from '../../../src/domain/volume.ts';
import { parseLayout, printLayout } from '../../../src/lvm/layout.ts';
import { decodeLv } from '../../../src/lvm/records.ts';
import { creationTags, toVolume } from '../../../src/lvm/volume-records.ts';
import { decodeTagValue, encodeTagValue, parseTags, tag } from '../../../src/lvm/tags.ts';

/** Without unpaired surrogates, which are not valid in text or in a protobuf string. */
const texts = fc.string({ unit: 'binary' });

test('decodes any text that it has encoded', () => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(decodeTagValue(encodeTagValue(text))).toBe(text);
    }),
  );
});

test('decodes every character, and texts that look encoded', () => {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCodePoint(code));
  for (const text of [...ascii, ascii.join(''), '+41', 'a+20b', '++', '%41', '☃+e2+98+83', '\uFEFFx', '']) {
    expect(decodeTagValue(encodeTagValue(text))).toBe(text);
  }
});

test('encodes into characters and lengths that LVM and its shell accept', () => {
  const names = fc.string({ unit: 'binary', maxLength: 128 }).filter((name) => Buffer.byteLength(name) <= 128);
  fc.assert(
    fc.property(names, (name) => {
      expect(tag('name', name)).toMatch(/^[A-Za-z0-9_+.\-/=!:&]+$/);
      expect(tag('name', name).length).toBeLessThanOrEqual(1024);
    }),
  );
});

test('decodes other texts to undefined, and never throws', () => {
  for (const text of ['+', '+4', '+zz', '+FF', '+ff', '+c3+28', 'a+']) expect(decodeTagValue(text)).toBeUndefined();
  fc.assert(
    fc.property(texts, (text) => {
      expect(typeof decodeTagValue(text)).toMatch(/string|undefined/);
    }),
  );
});

test('leaves out foreign tags and broken ones of ours', () => {
  const tags = parseTags(
    'theirs,quarry.name=a+20b,quarry.id=+zz,quarry.nothing,x=quarry.v=2,quarry.v=1,,quarry.fs=a=b',
  );
  expect(Object.fromEntries(tags)).toEqual({ name: 'a b', v: '1', fs: 'a=b' });
});

const layouts: fc.Arbitrary<Layout> = fc.oneof(
  fc.constant({ type: 'thin' } as const),
  fc.record({
    type: fc.constant('thick' as const),
    stripes: fc.integer({ min: 1, max: 128 }),
    stripeSize: fc.integer({ min: 12, max: 22 }).map((power) => 2n ** BigInt(power)),
    mirrors: fc.integer({ min: 0, max: 9 }),
  }),
);

test('reads a layout as it was printed', () => {
  fc.assert(
    fc.property(layouts, (layout) => {
      expect(parseLayout(printLayout(layout))).toEqual(layout);
    }),
  );
  for (const text of [undefined, '', 'thick', 'thick/1/2', 'thick/a/65536/0', 'thin/']) {
    expect(parseLayout(text)).toBeUndefined();
  }
});

const words = fc.string({ unit: 'grapheme', minLength: 1 }).filter((word) => !/\s/.test(word));

test('reads a volume from its tags in one row of a report', () => {
  const amount = fc.bigInt({ min: 1n, max: 2n ** 62n });
  const rate = fc.oneof(
    amount.map((fixed) => ({ fixed })),
    fc.record({
      perGiB: amount,
      least: fc.option(amount, { nil: undefined }),
      most: fc.option(amount, { nil: undefined }),
    }),
  );
  const settings: fc.Arbitrary<RateSettings> = fc.dictionary(fc.constantFrom<RateKey[]>(...rateKeys), rate);
  const volumes = fc.record({
    name: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    layout: layouts,
    filesystem: fc.constantFrom('none' as const, 'block' as const, 'ext4' as const, 'xfs' as const, 'btrfs' as const),
    mkfsOptions: fc.array(words, { maxLength: 3 }),
    snapshotRoom: fc.constantFrom({ percent: 12.5 }, { bytes: 5n }),
    erase: fc.constantFrom('discard' as const, 'cryptographic' as const, 'zero' as const),
    qos: fc.record({
      limits: settings,
      reservations: settings,
      enforcement: fc.constantFrom('strict' as const, 'report' as const),
    }),
    state: fc.constantFrom('ready' as const, 'creating' as const),
    size: fc.bigInt({ min: 1n, max: 2n ** 60n }),
  });
  fc.assert(
    fc.property(volumes, (random) => {
      const volume: Volume = {
        ...random,
        id: 'node-1:lv' as VolumeId,
        node: 'node-1' as NodeName,
        pool: 'fast' as PoolName,
        group: 'vg' as VgName,
        lv: 'lv' as LvName,
      };
      const row = rowOf(volume.size, ['theirs', ...creationTags(volume)]);
      expect(toVolume(decodeLv(row), volume.pool, 'node-1' as NodeName)).toEqual(volume);
    }),
  );
});

test('a volume without options has the tags that every volume has, and no others', () => {
  const volume = {
    id: 'node-1:lv' as VolumeId,
    node: 'node-1' as NodeName,
    name: 'lv',
    pool: 'fast' as PoolName,
    group: 'vg' as VgName,
    lv: 'lv' as LvName,
    size: 1n,
    layout: { type: 'thin' },
    filesystem: 'none',
    mkfsOptions: [],
    qos: noQos,
    state: 'ready',
  } as const;
  expect(creationTags(volume).map((one) => one.replace(/=.*/, ''))).toEqual(
    ['v', 'role', 'id', 'name', 'layout', 'fs'].map((name) => `quarry.${name}`),
  );
});

test('does not claim a logical volume without our tags, or treat one with a lost tag as blank', () => {
  const tags = ['quarry.role=volume', 'quarry.id=node-1:lv', 'quarry.name=x', 'quarry.layout=thin'];
  for (const lost of tags) {
    const rest = tags.filter((kept) => kept !== lost);
    expect(toVolume(decodeLv(rowOf(1n, rest)), 'fast' as PoolName, 'node-1' as NodeName)).toBeUndefined();
  }
  expect(toVolume(decodeLv(rowOf(1n, tags)), 'fast' as PoolName, 'node-1' as NodeName)?.filesystem).toBe('unknown');
  const strange = toVolume(decodeLv(rowOf(1n, [...tags, 'quarry.fs=zfs'])), 'fast' as PoolName, 'node-1' as NodeName);
  expect(strange?.filesystem).toBe('unknown');
});

function rowOf(size: bigint, tags: readonly string[]): Record<string, string> {
  return {
    vg_name: 'vg',
    vg_uuid: 'own',
    lv_name: 'lv',
    lv_uuid: 'u',
    lv_size: String(size),
    lv_attr: '-wi-a-----',
    lv_tags: tags.join(','),
    pool_lv: '',
    data_percent: '',
    metadata_percent: '',
  };
}

test('reads the time of creation in the default format of LVM', () => {
  const tags = ['quarry.role=volume', 'quarry.id=node-1:lv', 'quarry.name=x', 'quarry.layout=thin'];
  const created = (time: string) =>
    toVolume(decodeLv({ ...rowOf(1n, tags), lv_time: time }), 'fast' as PoolName, 'node-1' as NodeName)?.created;
  expect(created('2026-11-21 14:23:13 +0130')).toBe(Date.parse('2026-11-21T12:53:13Z'));
  expect(created('Sat Nov 21 14:23:13 2026')).toBeUndefined();
  expect(created('2026-99-21 14:23:13 +0000')).toBeUndefined();
  expect(created('')).toBeUndefined();
});
