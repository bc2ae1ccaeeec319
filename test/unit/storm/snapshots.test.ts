import { describe, expect, test } from 'vitest';
import { conclude } from '../../storm/conclude.ts';
import { expand, remove } from '../../storm/controller-verbs.ts';
import { copyStep } from '../../storm/copy-verbs.ts';
import { factsFrom, leaks, losses } from '../../storm/invariants.ts';
import { absentVolume, acknowledge, doubt, during, known, settle, type Volume } from '../../storm/model.ts';
import type { Observation } from '../../storm/observe.ts';
import { orderProblems } from '../../storm/order.ts';
import { createRandom } from '../../storm/random.ts';
import { membersOf, pinned } from '../../storm/snapshots.ts';
import { planStep } from '../../storm/verbs.ts';

const MiB = 1024 ** 2;
const shape = { type: 'thick', stripes: 1, mirrors: 0, access: 'block' } as const;
const made = acknowledge(absentVolume('storm-1'), { facts: { exists: true, size: 16 * MiB, iops: 0 }, shape });
const written = acknowledge(made, { facts: {}, write: { region: 3, content: 7 } });
const frozenOf = ({ name, regions }: Volume) => ({ source: name, shape, size: 16 * MiB, regions });
const taking = (...sources: Volume[]) => ({
  facts: { exists: true, size: 16 * MiB },
  shape,
  made: { frozen: sources.map(frozenOf) },
});
const snapshot = acknowledge(absentVolume('snapshot-1'), taking(written));
const group = acknowledge(absentVolume('group-1'), taking(written, { ...written, name: 'storm-2' }));
const random = createRandom(1, 1);

test('a snapshot keeps the content of its moment, and a volume that is made from it has that', () => {
  const later = acknowledge(written, { facts: {}, write: { region: 3, content: 8 } });
  expect(later.regions[3]).toEqual([8]);
  const [member] = membersOf(snapshot);
  expect(member).toMatchObject({ lv: 'snap-1', id: 'node-1:snap-1', frozen: { source: 'storm-1' } });
  const step = copyStep(absentVolume('storm-5'), member?.frozen ?? expect.fail(), { snapshot: 'x' }, random);
  expect(acknowledge(absentVolume('storm-5'), step.change)).toMatchObject({
    regions: written.regions,
    source: { snapshot: 'x' },
    possible: { exists: [true] },
  });
  const seen = { exists: false, size: 0, iops: 0, staged: false, published: false };
  expect(settle(doubt(absentVolume('storm-5'), step.change), seen)).toEqual(absentVolume('storm-5'));
});

test('a write in flight may be in a snapshot or not, or in part', () => {
  expect(during(written.regions, { region: 3, content: 9 })[3]).toEqual([7, 9, 'anything']);
  expect(during(written.regions, { region: 4, content: 9 })[3]).toEqual([7]);
});

test('a volume with thick snapshots is neither deleted nor expanded, and the refusal names them', () => {
  const [kept = expect.fail(), other = expect.fail()] = pinned([written, absentVolume('storm-2'), snapshot]);
  expect([kept.pins, other.pins]).toEqual([['node-1:snap-1'], []]);
  const facts = known(kept) ?? expect.fail();
  const removal = planStep(remove, kept, facts, random) ?? expect.fail();
  const after = (code: string, details: string) =>
    conclude(kept, { volume: 'storm-1', step: removal, times: 1 }, [{ code, details }]);
  expect(after('FAILED_PRECONDITION', 'it has snapshots (node-1:snap-1)')).toEqual([kept, []]);
  expect(after('FAILED_PRECONDITION', 'it has snapshots')[1]).toHaveLength(1);
  expect(after('OK', '')[1]).toHaveLength(1);
  const larger = { ...random, below: () => 3 };
  expect(planStep(expand, kept, facts, larger)).toMatchObject({
    outcomes: ['FAILED_PRECONDITION'],
    says: ['node-1:snap-1'],
  });
});

describe('what the node shows of snapshots', () => {
  const lv = (name: string) => ({ group: 'qstorm', name, bytes: 8 * MiB, tags: [] });
  const listing = { source: 'storm-1', bytes: 16 * MiB, ready: true };
  const whole: Observation = {
    listed: new Map(),
    snapshots: new Map([['snap-1', listing]]),
    logicalVolumes: [lv('snap-1')],
    devices: [],
    mounts: [],
    limits: [],
    members: [],
    foreign: '',
    thin: new Set(),
  };
  const empty: Observation = { ...whole, snapshots: new Map(), logicalVolumes: [] };
  const lost = (one: Volume, seen: Observation) => losses([one], seen, '');
  const left = (one: Volume, seen: Observation) => leaks([one], seen, []);

  test('is what the model knows', () => {
    expect([...lost(snapshot, whole), ...left(snapshot, whole)]).toEqual([]);
    expect(factsFrom(snapshot, whole)).toEqual(known(snapshot));
    expect(factsFrom(snapshot, empty).exists).toBe(false);
    expect(lost(doubt(absentVolume('snapshot-1'), taking(written)), empty)).toEqual([]);
  });

  test('a snapshot that is gone, not ready, of another size or of another volume is a loss', () => {
    expect(lost(snapshot, empty)).toEqual(['snapshot-1, snap-1 of storm-1 is not listed']);
    const showing = (over: Partial<typeof listing>) => ({
      ...whole,
      snapshots: new Map([['snap-1', { ...listing, ...over }]]),
    });
    for (const over of [{ ready: false }, { bytes: 1 }, { source: 'storm-2' }])
      expect(lost(snapshot, showing(over))).toHaveLength(1);
    expect(lost(snapshot, { ...whole, logicalVolumes: [] })).toHaveLength(1);
    expect(lost(absentVolume('snapshot-1'), whole)).toHaveLength(2);
  });

  test('a snapshot of nobody, one that LVM alone shows, and a part of a group snapshot are leaks', () => {
    expect(left(absentVolume('snapshot-1'), whole)).toEqual([
      'the logical volume snap-1 belongs to no volume',
      'snap-1 is listed and belongs to no snapshot',
    ]);
    expect(left(snapshot, { ...whole, snapshots: new Map() })).toEqual(['LVM and ListSnapshots differ on snap-1']);
    const [first = expect.fail()] = membersOf(group);
    const part = { ...whole, snapshots: new Map([[first.lv, listing]]), logicalVolumes: [lv(first.lv)] };
    expect(left(group, part).join()).toContain('of a group snapshot only a part is there');
  });
});

test('of two volumes that are written alternately, the second is never ahead, and the first by one write at most', () => {
  expect([orderProblems('group-1', [5, 5]), orderProblems('group-1', [6, 5])]).toEqual([[], []]);
  for (const pair of [[5, 6] as const, [7, 5] as const]) expect(orderProblems('group-1', pair)).toHaveLength(1);
});
