import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import { Connection } from '../../../src/fleet/client/connection.ts';
import { openTransport } from '../../../src/fleet/client/transport.ts';
import { Attachment } from '../../../src/fleet/server/attachment.ts';
import { Members } from '../../../src/fleet/server/members.ts';
import { createRefusals } from '../../../src/fleet/server/refusals.ts';
import type { Session } from '../../../src/fleet/server/session.ts';
import { Streams } from '../../../src/fleet/server/streams.ts';
import { type Handler, serve } from '../../../src/fleet/wire/responder.ts';
import { createVolumesService } from '../../../src/fleet/wire/volumes-service.ts';
import { failureOf, memoryLog } from '../grpc/harness.ts';
import { GatedStorage } from './gated-storage.ts';
import { authority, nodeCertificate, quick, listen } from './harness.ts';
import { hello } from './peer.ts';
import { protocol } from './report.ts';

// A method with a long reply over a real stream, with both real ends.

/** 16 messages of credit, and one that waits for more. */
const lead = 17;
const a = 'a' as NodeName;
const ticks = () => performance.now();

/** The sessions of a controller, which `Members` keeps to itself. */
class SeenMembers extends Members {
  readonly session = Promise.withResolvers<Session>();

  override attach(session: Session): boolean {
    this.session.resolve(session);
    return super.attach(session);
  }
}

/** The controller's end of streams that are dialled to the port. */
async function listening() {
  const { log } = memoryLog();
  const members = new SeenMembers(Date.now, protocol);
  const current = new Map<NodeName, Attachment>();
  const context = {
    protocol,
    members,
    current,
    streams: new Streams(ticks),
    refusals: createRefusals(log, Date.now),
    driver: hello.driver ?? '',
    driverVersion: '0.1.0',
    timing: quick,
    log,
    now: Date.now,
    ticks,
    identify: async () => ({ node: a, expires: Number.POSITIVE_INFINITY }),
  };
  const server = new Server();
  server.addService(protocol.definition, {
    connect(call: ServerDuplexStream<Buffer, Buffer>) {
      const peer = { address: call.getPeer(), certificate: undefined, called: () => undefined };
      void new Attachment(call, { ...peer, destroy: () => call.destroy() }, context).start();
    },
  });
  return { port: await listen(server), members, current };
}

/** A node that is connected and has, besides its own methods, one with an endless reply. */
async function begin() {
  const { port, members, current } = await listening();
  const storage = new GatedStorage('a');
  const state = { produced: 0, ended: Promise.withResolvers<void>() };
  async function* replies(): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        state.produced += 1;
        yield Buffer.alloc(64 * 1024, state.produced % 256);
      }
    } finally {
      state.ended.resolve();
    }
  }
  const endless: Handler = { streams: true, reads: true, open: () => ({ volume: undefined, replies }) };
  const { certificate, key } = nodeCertificate('a');
  const address = { host: '127.0.0.1', port, name: 'localhost' };
  const pems = { ca: Buffer.from(authority.certificate), cert: Buffer.from(certificate), key: Buffer.from(key) };
  const connection = new Connection({
    address,
    open: () => openTransport({ address, pems, token: undefined }),
    hello,
    storage,
    protocol,
    timing: quick,
    log: memoryLog().log,
    methods: new Map([...serve(protocol.volumes, createVolumesService(storage)), ['Endless', endless]]),
    now: Date.now,
    changed: () => undefined,
  });
  onTestFinished(() => connection.close('the test is over'));
  const { caller } = await members.session.promise;
  const find = () => members.member(a)?.storage.find('a:x' as VolumeId, new AbortController().signal);
  const read = (signal = new AbortController().signal) => caller.stream('Endless', Buffer.alloc(0), { signal });
  return { connection, attachment: current.get(a), caller, state, find, read };
}

const produced = (state: { produced: number }, count: number) => vi.waitUntil(() => state.produced === count, 20_000);

test('a reader that is slow holds back the node, and delays no other call', async () => {
  const { state, find, read } = await begin();
  const messages = read();
  await messages.next();
  await produced(state, lead);
  for (let calls = 0; calls < 50; calls += 1) expect(await find()).toBeUndefined();
  expect(state.produced).toBe(lead);
  for (let taken = 1; taken < 400; taken += 1) {
    expect(((await messages.next()).value as Buffer)[0]).toBe((taken + 1) % 256);
    expect(state.produced - taken).toBeLessThanOrEqual(lead);
  }
  expect(await find()).toBeUndefined();
  await messages.return();
  await state.ended.promise;
});

test('a reader that gives up midway ends the work of the node, and the stream goes on', async () => {
  const { state, caller, find, read } = await begin();
  const reader = new AbortController();
  const messages = read(reader.signal);
  await messages.next();
  await produced(state, lead);
  reader.abort();
  const rest = failureOf(drain(messages));
  expect(await rest).toMatchObject({ kind: 'cancelled' });
  await state.ended.promise;
  expect(state.produced).toBe(lead);
  expect(caller.inFlight).toBe(0);
  expect(await find()).toBeUndefined();
});

test.each([
  ['the node', ({ connection }: Begun) => connection.close('this node is stopping')],
  ['the controller', ({ attachment }: Begun) => attachment?.finish('the controller is stopping')],
])('a stream that %s ends midway ends the reply as unknown, and the work of the node', async (_which, end) => {
  const begun = await begin();
  const { state, caller, read } = begun;
  const messages = read();
  await messages.next();
  await produced(state, lead);
  end(begun);
  expect(await failureOf(drain(messages))).toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('is not known'),
  });
  await state.ended.promise;
  expect(state.produced).toBe(lead);
  expect(caller.inFlight).toBe(0);
});

type Begun = Awaited<ReturnType<typeof begin>>;

async function drain(messages: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of messages);
}
