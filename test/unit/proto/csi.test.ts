import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { facts, officialProto } from '../../support/official-proto.ts';

const ours = readFileSync(join(import.meta.dirname, '../../../proto/csi.proto'), 'utf8');

test('the interface equals the official one, field by field', () => {
  const official = facts(officialProto('csi'));
  expect(official.length).toBeGreaterThan(700);
  expect(facts(ours)).toEqual(official);
});

test('compares every number', () => {
  let numbers = 0;
  const changed = ours.replaceAll(/= \d+(?=[ ;])/g, () => `= ${100_000 + numbers++}`);
  const compared = new Set(facts(changed).map((fact) => fact.split(': ')[1]));
  expect(numbers).toBeGreaterThan(250);
  for (let number = 0; number < numbers; number++) expect(compared).toContain(String(100_000 + number));
});

test.each([
  ['an option is dropped', ' [(csi_secret) = true]', ''],
  ['an option of a method is dropped', 'option (alpha_method) = true;', ''],
  ['a stream becomes unary', 'returns (stream ', 'returns ('],
  ['a repeated field becomes single', 'repeated ', ''],
  ['a type changes', 'int64 required_bytes', 'int32 required_bytes'],
  ['a field leaves its oneof', 'oneof type {\n    RPC rpc = 1;\n  }', 'RPC rpc = 1;'],
  ['a value of an enum is renamed', 'DATA_LOSS', 'LOSS'],
  ['a reserved number is freed', 'reserved 11;', ''],
])('finds out if %s', (_what, search, replacement) => {
  expect(ours).toContain(search);
  expect(facts(ours.replace(search, replacement))).not.toEqual(facts(ours));
});
