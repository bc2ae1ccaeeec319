import { describe, expect, test } from 'vitest';
import type { LvName } from '../../../src/domain/ids.ts';
import { type Move, planMoves, type Segment } from '../../../src/lvm/evacuation/placement.ts';

const [leaving, second, third] = ['/dev/sda', '/dev/sdb', '/dev/sdc'] as const;
const segment = (device: string, lv: string, start: number, extents: number, striped = false): Segment => ({
  device,
  uuid: device,
  lv: lv as LvName,
  start,
  extents,
  striped,
});
const move = (lv: string, start: number, extents: number, to: string): Move => ({
  lv: lv as LvName,
  ranges: [{ start, extents }],
  extents,
  to,
  mirror: false,
});
const plan = (segments: readonly Segment[], free: Readonly<Record<string, number>>) =>
  planMoves(segments, leaving, new Map(Object.entries(free)));

describe('a plan for the evacuation of a disk', () => {
  test('moves each segment to the fullest disk that has room for it, and nothing that is on other disks', () => {
    const segments = [segment(leaving, 'a', 0, 5), segment(second, 'b', 0, 3)];
    const moves = [move('a', 0, 5, second)];
    expect(plan(segments, { [second]: 6, [third]: 8 })).toEqual({ moves, lacking: new Map() });
  });

  test('splits a segment that no disk has room for as a whole', () => {
    const moves = [move('a', 2, 4, third), move('a', 6, 3, second)];
    expect(plan([segment(leaving, 'a', 2, 7)], { [second]: 3, [third]: 4 })).toEqual({ moves, lacking: new Map() });
  });

  test('uses a disk with room for a single extent, and none without room', () => {
    const moves = [move('a', 2, 3, second), move('a', 5, 1, third)];
    const segments = [segment(leaving, 'a', 2, 4)];
    expect(plan(segments, { [second]: 3, [third]: 1, '/dev/sdd': 0 })).toEqual({ moves, lacking: new Map() });
    expect(plan(segments, { [second]: 3, '/dev/sdd': 0 }).moves).toEqual([move('a', 2, 3, second)]);
  });

  test('names the extents of each logical volume that have no room', () => {
    const segments = [segment(leaving, 'a', 0, 5), segment(leaving, 'b', 5, 2)];
    expect(plan(segments, { [second]: 4 }).lacking).toEqual(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
  });

  test('moves a copy of a mirror as a whole, to a disk without another part of the mirror', () => {
    const segments = [
      segment(leaving, 'm_rmeta_0', 0, 1),
      segment(leaving, 'm_rimage_0', 1, 4),
      segment(second, 'm_rmeta_1', 0, 1),
      segment(second, 'm_rimage_1', 1, 4),
    ];
    const ranges = [
      { start: 0, extents: 1 },
      { start: 1, extents: 4 },
    ];
    const moves = [{ lv: 'm', ranges, extents: 5, to: third, mirror: true }];
    expect(plan(segments, { [second]: 100, [third]: 5 })).toEqual({ moves, lacking: new Map() });
    expect(plan(segments, { [second]: 100, [third]: 4 })).toEqual({ moves: [], lacking: new Map([['m', 5]]) });
  });

  test('puts no stripe on the disk of another stripe', () => {
    const segments = [segment(leaving, 's', 0, 4, true), segment(second, 's', 0, 4, true)];
    expect(plan(segments, { [second]: 100, [third]: 4 }).moves).toEqual([move('s', 0, 4, third)]);
    expect(plan(segments, { [second]: 100 }).lacking).toEqual(new Map([['s', 4]]));
  });

  test('keeps the room for a segment that only one disk may hold', () => {
    const segments = [
      segment(leaving, 'a', 0, 4),
      segment(leaving, 'm_rimage_0', 4, 4),
      segment(second, 'm_rimage_1', 0, 4),
    ];
    expect(plan(segments, { [second]: 4, [third]: 4 }).lacking).toEqual(new Map());
  });
});
