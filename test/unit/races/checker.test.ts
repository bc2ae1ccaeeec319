import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { violations } from '../../races/checker.ts';
import type { Call, Outcome } from '../../races/history.ts';
import { after, type Register } from '../../races/register.ts';
import { create, expand, get, inTurn, look, modify, ok, refused, remove, unknown, volume } from './calls.ts';

describe('the checker', () => {
  test.each<[string, Call[]]>([
    ['an acknowledged volume on two nodes', inTurn([create(), ok(volume())], [create(), ok(volume(8, 'b'))])],
    ['a name that two nodes have', inTurn([create(), ok(volume())], [look, ok(volume(), volume(8, 'b'))])],
    ['a volume after its deletion', inTurn([create(), ok(volume())], [remove(), ok()], [get(), ok(volume())])],
    ['a size that goes back', inTurn([create(), ok(volume())], [expand(16), ok(volume(16))], [get(), ok(volume(8))])],
    ['an acknowledged creation without a volume', inTurn([create(), ok(volume())], [look, ok()])],
    ['an acknowledged volume that is not found', inTurn([create(), ok(volume())], [get(), refused('not-found')])],
    ['a creation elsewhere than asked for', inTurn([create(8, ['b']), ok(volume())])],
    ['a creation of another size', inTurn([create(), ok(volume(16))])],
    ['a full node that has the volume', inTurn([create(), ok(volume())], [create(), refused('exhausted')])],
    ['a fitting volume that is refused', inTurn([create(), ok(volume())], [create(), refused('exists')])],
    [
      'a lost change of limits',
      inTurn(
        [create(), ok(volume())],
        [modify({ readIops: 1 }), ok(volume(8, 'a', { readIops: 1 }))],
        [look, ok(volume())],
      ),
    ],
    [
      'half a change of limits',
      inTurn(
        [create(), ok(volume())],
        [modify({ readIops: 1, writeIops: 2 }), unknown],
        [look, ok(volume(8, 'a', { readIops: 1 }))],
      ),
    ],
    [
      'an unknown deletion that has two effects',
      inTurn(
        [create(), ok(volume())],
        [remove(), unknown],
        [get(), refused('not-found')],
        [create(), ok(volume())],
        [get(), refused('not-found')],
      ),
    ],
    ['a deletion that is refused', inTurn([create(), ok(volume())], [remove(), refused('precondition')])],
  ])('finds %s', (_what, history) => {
    expect(violations(history)).toHaveLength(1);
    // Without its last call there is nothing to find.
    expect(violations(history.slice(0, -1))).toEqual([]);
    expect(violations(history)[0]?.call).toEqual(history.at(-1));
  });

  test.each<[string, Call[]]>([
    [
      'a repeated creation, and one after an expansion',
      inTurn([create(), ok(volume())], [expand(16), ok(volume(16))], [create(), ok(volume(16))]),
    ],
    [
      'a creation whose outcome was unknown, late',
      inTurn([create(), unknown], [get(), refused('not-found')], [get('b'), ok(volume(8, 'b'))]),
    ],
    [
      'an unknown deletion between two looks',
      inTurn([create(), ok(volume())], [remove(), unknown], [get(), ok(volume())], [look, ok()]),
    ],
    [
      'a deletion under the id of another node',
      inTurn([create(), ok(volume())], [remove('b'), ok()], [look, ok(volume())]),
    ],
    [
      'the other node after a full one',
      inTurn([create(8, ['a']), refused('exhausted')], [create(8, ['b']), ok(volume(8, 'b'))]),
    ],
    ['a larger creation that is refused', inTurn([create(), ok(volume())], [create(16), refused('exists')])],
  ])('allows %s', (_what, history) => {
    expect(violations(history)).toEqual([]);
  });

  test('orders overlapping calls as their outcomes need', () => {
    const made: Call = { name: 'x', request: create(), begin: 0, end: 1, outcome: ok(volume()) };
    const removed: Call = { name: 'x', request: remove(), begin: 3, end: 4, outcome: ok() };
    const again: Call = { name: 'x', request: create(), begin: 2, end: 5, outcome: ok(volume()) };
    const seen: Call = { name: 'x', request: get(), begin: 6, end: 7, outcome: ok(volume()) };
    expect(violations([made, removed, again, seen])).toEqual([]);
    expect(violations([made, again, { ...removed, begin: 6, end: 7 }, { ...seen, begin: 8, end: 9 }])).toHaveLength(1);
  });

  test('keeps names apart', () => {
    const [one, other] = inTurn([create(), ok(volume())], [create(), ok(volume(8, 'b'))]);
    if (one && other) expect(violations([one, { ...other, name: 'y' }])).toEqual([]);
    expect.assertions(1);
  });
});

const node = fc.constantFrom('a', 'b');
const size = fc.constantFrom(8, 16, 24);
const limits = fc.record({ readIops: fc.constantFrom(1, 2), writeIops: fc.constantFrom(1, 2) }, { requiredKeys: [] });
/** Of a call about the volume itself. */
type VolumeRequest = Parameters<typeof after>[1];
const request: fc.Arbitrary<VolumeRequest> = fc.oneof(
  fc.record({ call: fc.constant('create' as const), size, nodes: fc.constantFrom(['a'], ['b'], ['a', 'b']) }),
  fc.record({ call: fc.constantFrom('remove' as const, 'get' as const), node }),
  fc.record({ call: fc.constant('expand' as const), node, size }),
  fc.record({ call: fc.constant('modify' as const), node, limits }),
);
const choice = fc.nat(9);
const step = fc.record({ request, lost: fc.boolean(), early: fc.nat(3), late: fc.nat(3), pick: choice });
const never = fc.constant(0);
const calm = fc.record({ request, lost: fc.constant(false), early: never, late: never, pick: choice });

/** A history that one register gives: each call takes effect at its turn, and its span is longer than that by any overlap. */
function played(
  steps: readonly { request: VolumeRequest; lost: boolean; early: number; late: number; pick: number }[],
): Call[] {
  let state: Register;
  return steps.map(({ request: asked, lost, early, late, pick }, index) => {
    const next = after(state, asked, { is: 'unknown', why: '' });
    const before = state;
    if (next.length > 0) state = next[pick % next.length];
    const outcome = lost ? unknown : outcomeOf(asked, before, state, next.length > 0);
    return { name: 'x', request: asked, begin: 10 * (index - early), end: 10 * (index + late) + 1, outcome };
  });
}

function outcomeOf(asked: VolumeRequest, before: Register, now: Register, done: boolean): Outcome {
  if (asked.call === 'remove') return ok();
  if (asked.call === 'create') return done && now ? ok(now) : refused('exists');
  const here = 'node' in asked && before?.node === asked.node;
  return here && now ? ok(now) : refused('not-found');
}

test('the checker allows every history of a register, whatever overlaps and is lost', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 10 }), (steps) => {
      expect(violations(played(steps))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test('the checker finds a look that differs from a register whose calls came in turn', () => {
  fc.assert(
    fc.property(
      fc.array(calm, { maxLength: 10 }),
      fc.constantFrom('a', 'b'),
      fc.constantFrom(8, 99),
      (steps, where, wrong) => {
        const history = played(steps);
        const at = 10 * steps.length;
        const shown: Call = {
          name: 'x',
          request: look,
          begin: at,
          end: at + 1,
          outcome: ok({ node: where, size: wrong, readIops: 77 }),
        };
        expect(violations([...history, shown])).toHaveLength(1);
      },
    ),
  );
});
