import { describe, expect, test } from 'vitest';
import { identifyGroup, type KnownGroup } from '../../../src/domain/groups.ts';
import type { NodeName, VgName } from '../../../src/domain/ids.ts';
import { thickSpec } from '../../support/memory-storage.ts';

const spec = thickSpec('fast', { group: 'qfast' as VgName });
const group = (uuid: string, tags: Record<string, string> = {}): KnownGroup => ({
  uuid,
  tags: new Map(Object.entries(tags)),
});
const own = (uuid: string) => group(uuid, { pool: 'fast', node: 'node-1' });
const others = (uuid: string) => group(uuid, { pool: 'fast', node: 'node-2' });
const identify = (here: readonly KnownGroup[], recorded?: KnownGroup) =>
  identifyGroup(spec, 'node-1' as NodeName, here, recorded);
const away = (...words: string[]) => ({
  state: 'away',
  reason: expect.stringMatching(new RegExp(words.join('.*'))),
});

describe('the group of a pool', () => {
  test('may be created if none is here and none is recorded', () => {
    expect(identify([])).toEqual({ state: 'none' });
  });

  test.each([
    ['the one that is here', [own('A')], undefined],
    ['one without a tag, which is adopted', [group('A')], group('A')],
    ['the recorded one of two', [group('A'), group('B')], group('A')],
    ["this node's, next to another node's", [others('B'), own('A')], undefined],
    ["the one with its node's tag, although the record names another", [own('A')], group('B')],
    ["this node's, although another node's was recorded", [own('A')], others('B')],
  ])('is %s', (_what, here, recorded) => {
    expect(identify(here, recorded)).toEqual({ state: 'present', uuid: 'A' });
  });

  test.each([
    ['the recorded one is not here', [], own('A'), ['UUID A', 'is not here', '/etc/lvm/backup/qfast']],
    ['another of that name is here in its place', [own('B')], own('A'), ['UUID A', 'UUID B']],
    ['two are here and none is recorded', [own('A'), own('B')], undefined, ['UUID A', 'UUID B']],
    ["only another node's is here", [others('B')], undefined, ['UUID B, of node node-2']],
    ["another node's was recorded, and none is here", [], others('B'), ['UUID B, of node node-2', 'is not here']],
    ["only another node's is here and the recorded one is not", [others('B')], own('A'), ['UUID A', 'UUID B']],
  ] as const)('is away while %s', (_what, here, recorded, words) => {
    expect(identify(here, recorded)).toEqual(away(...words));
  });
});
