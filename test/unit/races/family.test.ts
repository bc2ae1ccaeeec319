import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import { violations } from '../../races/checker.ts';
import { type Call, failed, type Part, type Request, type Seen } from '../../races/history.ts';
import { create, expand, inTurn, ok, refused, remove, unknown, volume } from './calls.ts';

const snapshot: Request = { call: 'snapshot', node: 'a' };
const copy = (of: 'volume' | 'snapshot' = 'snapshot'): Request => ({ call: 'copy', node: 'a', of });
const part = (call: 'get' | 'remove', of: Part): Request => ({ call, node: 'a', part: of });
const copied = (size = 8, of: 'volume' | 'snapshot' = 'snapshot'): Seen => ({ node: 'a', size, of });
const made = [create(), ok(volume())] as const;
const taken = [snapshot, ok(volume())] as const;
const larger = [expand(16), ok(volume(16))] as const;
const noSnapshot = [part('remove', 'snapshot'), ok()] as const;
const absent = refused('not-found');
const second = [{ ...create(), part: 'second' }, ok(volume())] as const;
const group: Request = { call: 'group', node: 'a' };
const pair = (size = 8): Seen => ({ node: 'a', size, second: 8 });
const grouped = [group, ok(pair())] as const;
const thick: Request = { ...snapshot, thick: true };
const thickTaken = [thick, ok({ ...volume(), thick: true })] as const;
const thickPair = [{ ...group, thick: true }, ok({ ...pair(), thick: true })] as const;
const guarded = refused('precondition');
const job: Request = { call: 'copy', node: 'a', of: 'volume', job: true };
const removeCopied: Request = { call: 'remove', node: 'a', copied: true };
const jobOk = [job, ok(copied(8, 'volume'))] as const;
const kept = [removeCopied, guarded] as const;
const noSecond = [part('remove', 'second'), ok()] as const;

test.each<[string, Call[]]>([
  ['a snapshot of nothing', inTurn(taken)],
  ['a snapshot that goes with its volume', inTurn(made, taken, [remove(), ok()], [part('get', 'snapshot'), absent])],
  ['a snapshot of a later size', inTurn(made, taken, larger, [snapshot, ok(volume(16))])],
  ['a snapshot after its deletion', inTurn(made, taken, noSnapshot, [part('get', 'snapshot'), ok(volume())])],
  ['a restore of what was deleted', inTurn(made, taken, noSnapshot, [copy(), ok(copied())])],
  ['a restore of the size of its volume', inTurn(made, taken, larger, [copy(), ok(copied(16))])],
  [
    'a copy that goes with its source',
    inTurn(made, [copy('volume'), ok(copied(8, 'volume'))], [remove(), ok()], [copy('volume'), absent]),
  ],
  ['a copy of another source', inTurn(made, taken, [copy(), ok(copied())], [copy('volume'), ok(copied(8, 'volume'))])],
  ['a group snapshot of one volume', inTurn(made, grouped)],
  ['a group snapshot of a later size', inTurn(made, second, grouped, larger, [group, ok(pair(16))])],
  ['a group snapshot that goes with a volume', inTurn(made, second, grouped, noSecond, [group, absent])],
  [
    'a group snapshot after its deletion',
    inTurn(made, second, grouped, [part('remove', 'group'), ok()], [part('get', 'group'), ok(pair())]),
  ],
  ['a thick volume that goes with its snapshot', inTurn(made, thickTaken, [remove(), ok()])],
  ['a thick volume that grows under a group snapshot', inTurn(made, second, thickPair, larger)],
  ['a source that a job copies, and that is gone', inTurn(made, [removeCopied, ok()], jobOk)],
  [
    'a copy that a job fills after its deletion',
    inTurn(made, jobOk, [part('remove', 'copy'), ok()], [part('get', 'copy'), ok(copied(8, 'volume'))]),
  ],
  ['a thick volume that is kept by nothing', inTurn(made, thickTaken, noSnapshot, [remove(), guarded])],
])('the checker finds %s', (_what, history) => {
  expect(violations(history)).toHaveLength(1);
  // Without its last call there is nothing to find.
  expect(violations(history.slice(0, -1))).toEqual([]);
  expect(violations(history)[0]?.call).toEqual(history.at(-1));
});

test.each<[string, Call[]]>([
  [
    'a restore after its volume is gone, and a copy after its snapshot',
    inTurn(
      made,
      taken,
      [remove(), ok()],
      [copy(), ok(copied())],
      noSnapshot,
      [copy(), ok(copied())],
      [copy('volume'), absent],
      [part('get', 'copy'), ok(copied())],
    ),
  ],
  [
    'a snapshot whose outcome was unknown, late, and one without room',
    inTurn(made, [snapshot, unknown], [copy(), absent], [copy(), ok(copied())], noSnapshot, [
      snapshot,
      refused('exhausted'),
    ]),
  ],
  [
    'a copy of another source that is refused',
    inTurn(made, [copy('volume'), ok(copied(8, 'volume'))], taken, [copy(), refused('exists')]),
  ],
  [
    'a group snapshot after its volumes are gone, and none of them afterwards',
    inTurn(
      made,
      second,
      grouped,
      [remove(), ok()],
      noSecond,
      grouped,
      [part('remove', 'group'), ok()],
      [group, absent],
    ),
  ],
  [
    'a copy that a job fills after its call, and its source, which is kept meanwhile',
    inTurn(
      made,
      [job, unknown],
      kept,
      [{ call: 'expand', node: 'a', size: 16, copied: true }, guarded],
      [part('get', 'copy'), ok(copied(8, 'volume'))],
    ),
  ],
  [
    'a copy that was deleted before its job had filled it',
    inTurn(made, [job, unknown], [part('remove', 'copy'), ok()], kept, jobOk),
  ],
  [
    'a thick volume that its snapshots keep, also one that was cut off',
    inTurn(
      made,
      second,
      thickPair,
      [remove(), guarded],
      [expand(16), guarded],
      [part('remove', 'group'), unknown],
      [part('get', 'group'), absent],
      [part('remove', 'second'), guarded],
      noSecond,
      [remove(), ok()],
    ),
  ],
])('the checker allows %s', (_what, history) => {
  expect(violations(history)).toEqual([]);
});

test('a copy that is busy goes on, where it is a job; any other call that is busy has done nothing', () => {
  const busy = new Failure('busy', 'try again');
  expect(failed(busy, job)).toMatchObject({ is: 'unknown' });
  expect(failed(busy, copy())).toEqual({ is: 'refused', kind: 'busy' });
  expect(failed(busy, removeCopied)).toEqual({ is: 'refused', kind: 'busy' });
});
