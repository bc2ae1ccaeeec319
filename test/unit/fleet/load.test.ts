import { status } from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { parseParameters } from '../../../src/domain/parameters.ts';
import { place } from '../../../src/domain/placement.ts';
import { NodeInventory } from '../../../src/fleet/server/node-inventory.ts';
import { largestMessage } from '../../../src/fleet/wire/bounds.ts';
import { RateLimiter } from '../../../src/fleet/wire/rate-limiter.ts';
import { attached, controller, nodeCertificate } from './harness.ts';
import { attachedPeer, hello, Peer } from './peer.ts';
import { protocol, report } from './report.ts';

const removed = (count: number) => Array.from({ length: count }, (_, index) => `a:x${index}`);

test('a limiter counts amounts, and gives them back at its rate', () => {
  let now = 0;
  const limiter = new RateLimiter(100, 10, () => now);
  expect(limiter.take(90)).toBe(true);
  expect(limiter.take(20)).toBe(false);
  expect(limiter.take(10)).toBe(true);
  now = 2000;
  expect(limiter.take(20)).toBe(true);
  expect(limiter.take(1)).toBe(false);
  expect(limiter.full()).toBe(false);
  now = 12_000;
  expect(limiter.full()).toBe(true);
});

test('a limiter gives back no more than its burst, in parts of a second too, and takes the last of it', () => {
  let now = 500;
  const limiter = new RateLimiter(3, 10, () => now);
  expect(limiter.full()).toBe(true);
  for (const expected of [true, true, true, false]) expect(limiter.take()).toBe(expected);
  now = 599;
  expect(limiter.take()).toBe(false);
  now = 600;
  expect(limiter.take()).toBe(true);
  now = 700;
  expect(limiter.take(2)).toBe(false);
  now = 100_000;
  expect(limiter.take(4)).toBe(false);
  expect(limiter.take(3)).toBe(true);
  expect(limiter.take()).toBe(false);
});

test('a report is applied entry by entry, and counts with its last part', () => {
  const inventory = new NodeInventory('a' as NodeName, protocol.records);
  const sent = report({ full: true, removedVolumes: removed(3), ageMs: '5' });
  const { records: read } = protocol.fromNode(protocol.writeFromNode(sent));
  if (!read) throw new Error('no report');
  const steps = inventory.applying(read, 1000);
  for (let step = 0; step < 3; step += 1) expect(steps.next().done).toBe(false);
  expect(inventory.inventory).toBeUndefined();
  expect(steps.next().done).toBe(true);
  expect(inventory.inventory?.reportedAt).toBe(995);
});

test('what is equal in the volumes of a node is kept once, and what differs is not', () => {
  const inventory = new NodeInventory('a' as NodeName, protocol.records);
  const layouts = [1, 1, 2].map((stripes) => ({ thick: { stripes, mirrors: 0, stripeSize: '65536' } }));
  const volumes = layouts.map((layout, index) => {
    const lv = `v${index}`;
    return { id: `a:${lv}`, name: lv, pool: 'fast', group: 'vg', lv, size: '4096', filesystem: 'none', layout };
  });
  const { records } = protocol.fromNode(protocol.writeFromNode(report({ full: true, volumes })));
  if (!records) throw new Error('no report');
  inventory.apply(records, 0);
  const [first, second, third] = [...(inventory.inventory?.volumes.values() ?? [])];
  expect(second?.layout).toBe(first?.layout);
  expect(third?.layout).toMatchObject({ stripes: 2 });
  expect(third).toMatchObject({ name: 'v2', lv: 'v2', pool: 'fast', group: 'vg' });
});

describe('a controller', () => {
  test('lets other work run while it applies a long report, and handles later messages after it', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    const { storage } = await attached(running, 'a');
    const seen = new Set<number>();
    let looking = true;
    const look = (): void => {
      seen.add(storage.inventory().volumes.size);
      if (looking) setImmediate(look);
    };
    setImmediate(look);
    const volumes = Array.from({ length: 1500 }, (_, index) => {
      const lv = `v${index}`;
      return {
        id: `a:${lv}`,
        name: lv,
        pool: 'fast',
        group: 'vg',
        lv,
        size: '1',
        layout: { thin: {} },
        filesystem: 'none',
      };
    });
    peer.send(report({ volumes }));
    peer.send({ ping: { inventoryAgeMs: '0' } });
    await peer.until('pong');
    looking = false;
    expect(storage.inventory().volumes.size).toBe(1500);
    expect([...seen].filter((size) => size > 0 && size < 1500)).toEqual([500, 1000]);
  });

  test('cuts a node off that sends more entries than a node has', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    for (let sent = 0; sent < 8; sent += 1) peer.send(report({ removedVolumes: removed(10_000) }));
    expect(await peer.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(running.server.refused()).toEqual(new Map([['flood', 1]]));
  });

  test('counts what all streams of a node send, also of those that have ended', async () => {
    // The clock stands still, as in the next test.
    const running = await controller({ ticks: () => 0 });
    const flood = async (instance: string): Promise<{ code: number }> => {
      const peer = new Peer(running.port, { certified: nodeCertificate('a') });
      peer.send({ hello: { ...hello, instance } });
      await peer.until('welcome');
      for (let sent = 0; sent < 3; sent += 1) {
        peer.send(report({ full: true, more: true, removedVolumes: removed(10_000) }));
      }
      peer.send({ ping: { inventoryAgeMs: '0' } });
      return peer.until('pong').then(
        () => ({ code: status.OK }),
        () => peer.ended,
      );
    };
    expect(await flood('one')).toMatchObject({ code: status.OK });
    expect(await flood('two')).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(running.server.refused()).toEqual(new Map([['flood', 1]]));
  });

  test('cuts a node off that sends more bytes than a node does', async () => {
    // The clock stands still: on a busy machine the bytes arrive so slowly that the allowance would grow again.
    const running = await controller({ ticks: () => 0 });
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    const unready = { fast: 'x'.repeat(largestMessage - 1024) };
    for (let sent = 0; sent < 600; sent += 1) peer.send(report({ unready }));
    expect(await peer.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(running.server.refused()).toEqual(new Map([['flood', 1]]));
  });

  test.each([
    ['has reported before', true],
    ['has never reported', false],
  ])('sets a node apart whose report cannot be used, and takes it as disconnected, when it %s', async (_, before) => {
    const running = await controller();
    const certified = nodeCertificate('b');
    const peer = new Peer(running.port, { certified });
    peer.send({ hello: { ...hello, node: 'b' } });
    await peer.until('welcome');
    if (before) {
      peer.send(report({ full: true, defaultPool: 'fast', unready: { fast: 'no disk' } }));
      await attached(running, 'b');
    }
    const impossible = { name: 'fast', group: 'vg', stripes: 0, extentSize: '0' };
    peer.send(report({ full: !before, pools: [impossible] }));
    await peer.ended;
    const parameters = parseParameters({});
    const wish = { parameters, size: { required: 1n }, accessibility: { preferred: [], requisite: undefined } };
    const places = running.fleet.members().map((member) => ({ node: member.node, member }));
    expect(place(places, wish, 'spread')).toEqual([
      { is: 'disconnected', node: 'b', message: expect.stringMatching(/^node b is set apart: /) },
    ]);
    const again = await attachedPeer(running.port, { ...hello, node: 'b', instance: 'two' });
    await attached(running, 'b');
    expect(running.fleet.member('b' as NodeName)?.apart).toBeUndefined();
    again.close();
  });

  test('keeps the current stream of a node, its successor and one more, and ends the others', async () => {
    const running = await controller();
    const current = await attachedPeer(running.port);
    await attached(running, 'a');
    const certified = nodeCertificate('a');
    const more = Array.from({ length: 6 }, () => {
      const peer = new Peer(running.port, { certified });
      peer.send({ hello });
      return peer;
    });
    let ended = 0;
    for (const peer of more) void peer.ended.then(() => (ended += 1));
    await vi.waitUntil(() => ended === 4, 20_000);
    current.send({ ping: { inventoryAgeMs: '0' } });
    await current.until('pong');
    expect(ended).toBe(4);
  });
});
