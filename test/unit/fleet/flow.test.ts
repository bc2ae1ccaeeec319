import { status } from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import { Failure, type FailureKind } from '../../../src/domain/errors.ts';
import type { VolumeId } from '../../../src/domain/ids.ts';
import { failureOf } from '../grpc/harness.ts';
import { attached, controller, memberOf, never, node, quick, disconnected } from './harness.ts';
import { GatedStorage, specOf } from './gated-storage.ts';
import { attachedPeer, hello } from './peer.ts';
import { callOf, protocol, report } from './report.ts';
import { Responder, serve } from '../../../src/fleet/wire/responder.ts';
import { createVolumesService } from '../../../src/fleet/wire/volumes-service.ts';
import type { Call } from '../../../src/gen/quarry/fleet/v1/Call.ts';

const id = (text: string) => text as VolumeId;

/** Holds every operation of the storage until the gate is resolved. */
function held(storage: GatedStorage) {
  const gate = Promise.withResolvers<void>();
  storage.gate = () => gate.promise;
  return gate;
}

describe('a call in flight', () => {
  test('fails with the kind and the message of the node', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    const kinds: FailureKind[] = [
      ...(['invalid', 'not-found', 'exists', 'exhausted', 'out-of-range', 'precondition', 'busy'] as const),
      ...(['bad-token', 'unavailable', 'cancelled', 'unimplemented'] as const),
    ];
    for (const kind of kinds) {
      storage.gate = () => Promise.reject(new Failure(kind, `said ${kind}`));
      await expect(member.storage.find(id('a:x'), never)).rejects.toEqual(new Failure(kind, `said ${kind}`));
    }
  });

  test('fails as unknown for an unexpected error of the node, whose text is not sent', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    storage.gate = () => Promise.reject(new Error('/secret/path'));
    await expect(member.storage.find(id('a:x'), never)).rejects.toEqual(
      new Failure('unavailable', 'node a: internal error; the log of the node has it'),
    );
  });

  test('is given up by its caller, and cancelled at the node', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    const gate = held(storage);
    const caller = new AbortController();
    const create = failureOf(member.storage.create(specOf('pvc-1'), caller.signal));
    await vi.waitUntil(() => storage.begun.length === 1);
    caller.abort();
    expect(await create).toMatchObject({ kind: 'cancelled' });
    await vi.waitUntil(() => storage.signals[0]?.aborted);
    gate.resolve();
  });

  test('ends as unknown when it takes too long, and is cancelled at the node', async () => {
    const storage = new GatedStorage('a');
    const running = await controller({ timing: { ...quick, command: 300 } });
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    const gate = held(storage);
    expect(await failureOf(member.storage.remove(id('a:x'), never))).toMatchObject({
      kind: 'unavailable',
      message: 'the outcome of the operation on node a is not known: it did not answer within 300 ms',
    });
    await vi.waitUntil(() => storage.signals[0]?.aborted);
    gate.resolve();
  });

  test('ends as unknown when the stream breaks; its work goes on, and the node comes back with the result', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    const first = node(storage, [running.port]);
    const member = await attached(running, 'a');
    const gate = held(storage);
    const create = failureOf(member.storage.create(specOf('pvc-1'), never));
    await vi.waitUntil(() => storage.begun.length === 1);
    await first.client.stop();
    expect(await create).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('is not known') });
    await disconnected(running, 'a');
    expect(await failureOf(member.storage.find(id('a:pvc-1'), never))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^node a has been disconnected since .*; nothing was started/),
    });
    gate.resolve();
    node(storage, [running.port]);
    await attached(running, 'a');
    expect([...member.storage.inventory().volumes.keys()]).toEqual(['a:pvc-1']);
    expect(storage.begun).toEqual(['create pvc-1']);
  });

  test('ends with its answer when the node stops, and no further call starts', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    const { client } = node(storage, [running.port]);
    const member = await attached(running, 'a');
    const gate = Promise.withResolvers<void>();
    storage.gate = (operation) => (operation.startsWith('create') ? gate.promise : Promise.resolve());
    const create = member.storage.create(specOf('pvc-1'), never);
    await vi.waitUntil(() => storage.begun.length === 1);
    const stopped = client.stop(60_000);
    await expect
      .poll(() => failureOf(member.storage.find(id('a:x'), never)))
      .toMatchObject({
        kind: 'unavailable',
        message: 'node a is stopping; nothing was started',
      });
    gate.resolve();
    expect(await create).toMatchObject({ id: 'a:pvc-1' });
    await stopped;
    await disconnected(running, 'a');
  });

  test('is refused beyond the number that a node can have', async () => {
    const storage = new GatedStorage('a');
    const running = await controller();
    node(storage, [running.port]);
    const member = await attached(running, 'a');
    const gate = held(storage);
    const calls = Array.from({ length: 512 }, (_, index) => member.storage.find(id(`a:v${index}`), never));
    expect(await failureOf(member.storage.find(id('a:one-more'), never))).toMatchObject({ kind: 'unavailable' });
    gate.resolve();
    await Promise.all(calls);
    expect(storage.begun).toHaveLength(512);
  });
});

describe('the newer stream of a node', () => {
  test('replaces the older, whose calls in flight end as unknown', async () => {
    const running = await controller();
    const older = await attachedPeer(running.port);
    const member = await attached(running, 'a');
    const call = failureOf(member.storage.find(id('a:x'), never));
    await older.until('call');
    const newer = await attachedPeer(running.port, { ...hello, instance: 'two' });
    expect(await call).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('dialled again') });
    expect(await older.ended).toMatchObject({ code: status.OK });
    await attached(running, 'a');
    const again = member.storage.find(id('a:x'), never);
    const command = await newer.until('call');
    newer.send({ reply: { id: command.id, payload: '' } });
    expect(await again).toBeUndefined();
    // A late message over the older stream changes nothing.
    expect(memberOf(running, 'a')?.connected).toBe(true);
  });
});

describe('a node', () => {
  test('that floods is cut off', async () => {
    // The clock stands still: on a busy machine the messages arrive so slowly that the allowance would grow again.
    const running = await controller({ ticks: () => 0 });
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    for (let sent = 0; sent < 5000; sent += 1) peer.send(report({ removedVolumes: ['a:x'] }));
    expect(await peer.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(running.server.refused()).toEqual(new Map([['flood', 1]]));
    await disconnected(running, 'a');
  });

  test('that sends a message that is too large is cut off', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    peer.raw(Buffer.alloc(2 * 1024 * 1024));
    expect(await peer.ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    await disconnected(running, 'a');
  });

  test('that claims more volumes than LVM can hold is cut off', async () => {
    const running = await controller();
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    const volume = { name: 'v', pool: 'fast', group: 'vg', lv: 'v', layout: { thin: {} } };
    for (let part = 0; part < 17; part += 1) {
      const volumes = Array.from({ length: 1000 }, (_, index) => ({ ...volume, id: `a:v${part}-${index}` }));
      peer.send(report({ volumes, more: true }));
    }
    expect(await peer.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test('that reads nothing is cut off, and holds no memory', async () => {
    const running = await controller({ timing: { ...quick, silence: 3000 } });
    const peer = await attachedPeer(running.port);
    const member = await attached(running, 'a');
    peer.stall();
    const pings = setInterval(() => peer.send({ ping: {} }), 100);
    const spec = { ...specOf('big'), mkfsOptions: ['x'.repeat(4000)] };
    const calls = Array.from({ length: 200 }, () => failureOf(member.storage.create(spec, never)));
    await vi.waitUntil(() => running.server.refused().get('stalled') === 1, 20_000);
    clearInterval(pings);
    for (const call of calls) expect(await call).toMatchObject({ kind: 'unavailable' });
    await disconnected(running, 'a');
  });

  test('is not given up when the clock of the controller changes', async () => {
    let off = 0;
    const running = await controller({ now: () => Date.now() + off, timing: { ...quick, silence: 4000 } });
    const peer = await attachedPeer(running.port);
    await attached(running, 'a');
    off = 3_600_000;
    // Less often than the controller checks its streams.
    const pings = setInterval(() => peer.send({ ping: {} }), 1200);
    await vi.waitUntil(() => peer.received.filter(({ pong }) => pong).length === 2, 20_000);
    clearInterval(pings);
    expect(memberOf(running, 'a')?.connected).toBe(true);
  });

  test('that sends nothing is given up', async () => {
    const running = await controller({ timing: { ...quick, silence: 500 } });
    const peer = await attachedPeer(running.port);
    expect(await peer.ended).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    expect(running.server.refused()).toEqual(new Map([['silent', 1]]));
    await disconnected(running, 'a');
  });

  test('starts a call once, however often it is sent', async () => {
    const storage = new GatedStorage('a');
    const replies: unknown[] = [];
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const methods = serve(protocol.volumes, createVolumesService(storage));
    const executor = new Responder({ node: 'a', methods, log, reply: (reply) => replies.push(reply) });
    const call = callOf('2', 'find', { volume: 'a:x' });
    const command = protocol.toNode(protocol.writeToNode(call)).call as Call;
    executor.accept(command);
    executor.accept(command);
    executor.accept({ ...command, id: '1' });
    await vi.waitUntil(() => replies.length > 0);
    expect(storage.begun).toEqual(['find a:x']);
    expect(replies).toEqual([{ id: '2', payload: Buffer.alloc(0) }]);
  });
});
