import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { facts, officialProto } from '../../support/official-proto.ts';

test("the registration interface equals kubelet's", () => {
  const ours = readFileSync(join(import.meta.dirname, '../../../proto/pluginregistration.proto'), 'utf8');
  const official = officialProto('registration');
  expect(facts(official).length).toBeGreaterThan(20);
  expect(facts(ours)).toEqual(facts(official));
});
