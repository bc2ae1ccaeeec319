import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  longestRecord,
  parseRecord,
  type PersistentVolumeRecord,
  printRecord,
} from '../../../src/domain/persistent-volume.ts';

const text = fc.string({ minLength: 1, maxLength: 20 });
const records: fc.Arbitrary<PersistentVolumeRecord> = fc.record({
  name: text,
  claim: fc.option(fc.record({ namespace: text, name: text }), { nil: undefined }),
  storageClass: fc.option(text, { nil: undefined }),
  attributesClass: fc.option(text, { nil: undefined }),
  reclaimPolicy: text,
  accessModes: fc.array(text, { maxLength: 4 }),
  volumeMode: text,
  fsType: fc.option(text, { nil: undefined }),
  mountOptions: fc.array(text, { maxLength: 4 }),
});

test('a record is read as it was written, whatever its texts are', () => {
  fc.assert(
    fc.property(records, (record) => {
      const printed = printRecord(record);
      fc.pre(printed.length < longestRecord);
      expect(parseRecord(printed)).toEqual(record);
    }),
  );
});

test('mount options that do not fit into a tag are left out', () => {
  const [record] = fc.sample(records, { numRuns: 1, seed: 1 });
  const long = { ...record!, name: 'pv', mountOptions: ['x'.repeat(longestRecord)] };
  expect(parseRecord(printRecord(long))).toEqual({ ...long, mountOptions: [] });
});

test('a text of another kind is no record, and missing fields have the safest value', () => {
  expect(parseRecord('')).toBeUndefined();
  expect(parseRecord('yes')).toBeUndefined();
  expect(parseRecord('pv=a&later=b')).toEqual({
    name: 'a',
    claim: undefined,
    reclaimPolicy: 'Retain',
    accessModes: [],
    volumeMode: 'Filesystem',
    mountOptions: [],
  });
});
