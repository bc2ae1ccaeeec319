import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Settling } from '../../../src/controller/settling.ts';
import type { NodeName } from '../../../src/domain/ids.ts';

const named = (count: number, prefix = 'node') =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}` as NodeName);

function begin(expected?: () => readonly NodeName[] | undefined, limit = 120_000) {
  const clock = { now: 1000 };
  const known = new Set<NodeName>();
  const ticks = () => clock.now;
  const settling = new Settling({ time: 15_000, limit, expected, known: (node) => known.has(node), ticks });
  return { settling, clock, known };
}

describe('a controller is ready', () => {
  test('after a time, where the nodes of the cluster are not known', () => {
    const { settling, clock } = begin();
    expect(settling.problem()).toBe('not started');
    settling.begin();
    clock.now += 14_999;
    expect(settling.settled()).toBe(false);
    clock.now += 1;
    expect(settling.settled()).toBe(true);
  });

  test('when the nodes that Kubernetes has are attached, and stays so', () => {
    let expected: NodeName[] | undefined;
    const { settling, clock, known } = begin(() => expected);
    settling.begin();
    clock.now += 60_000;
    expect(settling.problem()).toBe('which nodes there are is not known yet');
    expected = named(10);
    for (const node of named(9)) known.add(node);
    expect(settling.problem()).toBe('1 of 10 nodes have not connected yet: node-9');
    known.add('node-9' as NodeName);
    expect(settling.settled()).toBe(true);
    expected = named(11);
    expect(settling.settled()).toBe(true);
  });

  test('when Kubernetes has given up those that have not', () => {
    let expected = named(3);
    const { settling, clock, known } = begin(() => expected);
    settling.begin();
    clock.now += 15_000;
    for (const node of named(2)) known.add(node);
    expect(settling.settled()).toBe(false);
    expected = named(2);
    expect(settling.settled()).toBe(true);
  });

  test.each([
    ['has no node with the driver yet', []],
    ['may not know all nodes of a new cluster yet', named(1)],
  ])('not before the time, where Kubernetes %s', (_how, nodes) => {
    const { settling, clock, known } = begin(() => nodes);
    settling.begin();
    for (const node of nodes) known.add(node);
    expect(settling.settled()).toBe(false);
    clock.now += 15_000;
    expect(settling.settled()).toBe(true);
  });

  test.each([
    ['a node never attaches', () => named(1)],
    ['Kubernetes does not answer', () => undefined],
  ])('at the limit, though %s', (_how, expected) => {
    const { settling, clock } = begin(expected);
    settling.begin();
    clock.now += 119_999;
    expect(settling.settled()).toBe(false);
    clock.now += 1;
    expect(settling.settled()).toBe(true);
  });
});

// 5,000 nodes look for controllers every ten seconds, and a resolver on the way answers from its cache for up to 30: a node learns of a new
// controller within 40. The controller accepts one after the other, each in so many milliseconds while it starts.
test.each([1, 20])(
  'a controller of 5,000 nodes awaits the last, with cached names and %i ms for each',
  (milliseconds) => {
    const nodes = named(5000);
    fc.assert(
      fc.property(fc.array(fc.nat(40_000), { minLength: 5000, maxLength: 5000 }), (dialled) => {
        const { settling, clock, known } = begin(() => nodes, 600_000);
        const fixed = begin();
        for (const one of [settling, fixed.settling]) one.begin();
        let [now, early] = [0, 0];
        for (const [index, at] of dialled.sort((a, b) => a - b).entries()) {
          now = Math.max(now, at) + milliseconds;
          clock.now = fixed.clock.now = 1000 + now;
          if (index % 100 === 99) expect(settling.settled()).toBe(false);
          if (fixed.settling.settled()) early += 1;
          known.add(nodes[index] as NodeName);
        }
        expect(settling.settled()).toBe(true);
        // A fixed time has no margin.
        expect(early).toBeGreaterThan(2000);
      }),
      { numRuns: 5 },
    );
  },
);
