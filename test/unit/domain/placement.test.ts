import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { Member } from '../../../src/domain/fleet.ts';
import type { NodeName, PoolName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import { type Assessment, packings, place, type Place } from '../../../src/domain/placement.ts';
import type { Storage } from '../../../src/domain/storage.ts';
import type { Accessibility } from '../../../src/domain/topology.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

interface Sketch {
  readonly node: string;
  /** Of pool `fast`; absent: the node does not have the pool. */
  readonly room?: bigint | undefined;
  readonly state?: 'connected' | 'disconnected' | 'unseen' | 'unready' | undefined;
}

function sketch({ node, room, state = 'connected' }: Sketch): Place {
  const pools = [emptyPool(thickSpec('slow'), GiB)];
  if (room !== undefined) pools.push(emptyPool(thickSpec('fast'), room));
  const storage = new MemoryStorage(node, pools);
  if (state === 'unready' && room !== undefined) storage.loseReadiness('fast' as PoolName, 'no disk');
  if (state === 'unseen') return { node: storage.node };
  return { node: storage.node, member: { node: storage.node, connected: state !== 'disconnected', since: 0, storage } };
}

const anywhere: Accessibility = { preferred: [] };
const inFast = parseParameters({ pool: 'fast' });
const wish = (required: bigint, accessibility = anywhere) => {
  return { parameters: inFast, size: { required }, accessibility };
};
const able = (assessments: readonly Assessment[]) =>
  assessments.filter(({ is }) => is === 'able').map(({ node }) => String(node));
const preferring = (...preferred: string[]): Accessibility => ({ preferred: preferred as NodeName[] });

describe('placement', () => {
  const nodes = [
    { node: 'b', room: 8n * GiB },
    { node: 'a', room: 8n * GiB },
    { node: 'c', room: 4n * GiB },
    { node: 'd', room: 16n * GiB },
    { node: 'e' },
  ].map(sketch);

  it('spreads: the most room first, names decide between equals', () =>
    expect(able(place(nodes, wish(GiB), 'spread'))).toEqual(['d', 'a', 'b', 'c']));
  it('packs: the least room that is enough first', () =>
    expect(able(place(nodes, wish(5n * GiB), 'pack'))).toEqual(['a', 'b', 'd']));
  it('orders by preference before room', () =>
    expect(able(place(nodes, wish(GiB, preferring('c', 'b')), 'spread'))).toEqual(['c', 'b', 'd', 'a']));
  it('gives a reason for each other node', () => {
    const [full, lacking] = place([nodes[2], nodes[4]] as Place[], wish(5n * GiB), 'spread');
    expect(full).toMatchObject({ is: 'full', why: { message: expect.stringContaining(`${4n * GiB} bytes`) } });
    expect(lacking).toMatchObject({ is: 'refused', why: { reason: 'no-pool', message: 'it has no pool fast' } });
  });
  it('takes the default pool of each node, ready or not', () => {
    const plain = { ...wish(MiB), parameters: parseParameters({}) };
    const [assessment] = place([sketch({ node: 'a', room: GiB })], plain, 'spread');
    expect(assessment).toMatchObject({ is: 'able', offer: { pool: { spec: { name: 'slow' } } } });
    const storage = new MemoryStorage('b', [emptyPool(thickSpec('slow'), GiB), emptyPool(thickSpec('fast'), GiB)]);
    storage.loseReadiness('slow' as PoolName, 'no disk');
    const member: Member = { node: storage.node, connected: true, since: 0, storage };
    expect(place([{ node: storage.node, member }], plain, 'spread')).toMatchObject([
      { is: 'refused', why: { reason: 'not-ready' } },
    ]);
  });
  it('counts the reservations of the class', () => {
    const budget = { rates: { readIops: 1000n }, reservable: 100, unreserved: {} };
    const storage = new MemoryStorage('a', [emptyPool(thickSpec('fast', { budget }), GiB)]);
    const places = [{ node: storage.node, member: { node: storage.node, connected: true, since: 0, storage } }];
    const reserving = (readIops: string) => ({
      ...wish(MiB),
      parameters: parseParameters({ reservedReadIops: readIops }),
    });
    expect(place(places, reserving('1000'), 'spread')).toMatchObject([{ is: 'able' }]);
    expect(place(places, reserving('1001'), 'spread')).toMatchObject([{ is: 'full', offer: { room: 0n } }]);
  });
  it('treats a node without a report as disconnected', () => {
    const storage = {
      inventory: () => {
        throw new Failure('unavailable', 'LVM has not answered yet');
      },
    };
    const member: Member = { node: 'a' as NodeName, connected: true, since: 0, storage: storage as unknown as Storage };
    expect(place([{ node: member.node, member }], wish(MiB), 'spread')).toMatchObject([
      { is: 'disconnected', message: 'node a: LVM has not answered yet' },
    ]);
  });
});

const arbitrary = fc.record({
  sketches: fc.uniqueArray(
    fc.record({
      node: fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 1, maxLength: 3 }),
      room: fc.option(
        fc.bigInt(0n, 4n).map((gigabytes) => gigabytes * GiB),
        { nil: undefined },
      ),
      state: fc.constantFrom('connected', 'connected', 'disconnected', 'unseen', 'unready') as fc.Arbitrary<
        Sketch['state']
      >,
    }),
    { selector: ({ node }) => node, maxLength: 8 },
  ),
  preferred: fc.uniqueArray(fc.nat(7)),
  required: fc.bigInt(1n, 5n * GiB),
  packing: fc.constantFrom(...packings),
});

describe('for any nodes, placement', () => {
  it("names each once, in an order that does not depend on the input's order", () =>
    fc.assert(
      fc.property(arbitrary, ({ sketches, preferred, required, packing }) => {
        const accessibility = preferring(...preferred.flatMap((index) => sketches[index]?.node ?? []));
        const [order, again] = [sketches, sketches.toReversed()].map((nodes) =>
          place(nodes.map(sketch), wish(required, accessibility), packing).map(({ is, node }) => `${is} ${node}`),
        );
        expect(order?.length).toBe(sketches.length);
        expect(again).toEqual(order);
      }),
    ));

  it('tries a node that does not answer after the others that have room', () =>
    fc.assert(
      fc.property(arbitrary, fc.nat(7), ({ sketches, required, packing }, index) => {
        const shunned = sketches[index]?.node;
        const load = { comingTo: () => 0n, unanswering: (node: NodeName) => node === shunned };
        const found = able(place(sketches.map(sketch), wish(required), packing, load));
        const plain = able(place(sketches.map(sketch), wish(required), packing));
        expect(found.toSorted()).toEqual(plain.toSorted());
        if (shunned !== undefined && found.includes(shunned)) expect(found.at(-1)).toBe(shunned);
      }),
    ));

  it('tries exactly the nodes that are connected and have the pool and the room', () =>
    fc.assert(
      fc.property(arbitrary, ({ sketches, required, packing }) => {
        const found = able(place(sketches.map(sketch), wish(required), packing));
        const suited = sketches.filter(
          ({ room, state }) => state === 'connected' && room !== undefined && room >= required,
        );
        expect(found.toSorted()).toEqual(suited.map(({ node }) => node).toSorted());
      }),
    ));

  it('tries no unpreferred node before a disconnected one that may have the volume', () =>
    fc.assert(
      fc.property(arbitrary, ({ sketches, preferred, required, packing }) => {
        const liked = preferred.flatMap((index) => sketches[index]?.node ?? []);
        const assessed = place(sketches.map(sketch), wish(required, preferring(...liked)), packing);
        const rank = (node: string) => (liked.includes(node) ? liked.indexOf(node) : liked.length);
        for (const [index, { node, is }] of assessed.entries()) {
          const before = assessed.slice(0, index);
          expect(before.every((other) => rank(other.node) <= rank(node))).toBe(true);
          if (is === 'disconnected')
            expect(before.filter((other) => rank(other.node) === liked.length && other.is !== 'disconnected')).toEqual(
              [],
            );
        }
      }),
    ));
});
