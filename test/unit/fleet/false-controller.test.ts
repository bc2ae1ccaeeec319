import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Server, type ServerDuplexStream } from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import type { FromNode } from '../../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { ToNodeInit } from '../../../src/gen/quarry/fleet/v1/ToNode.ts';
import { authority, filesOf, node, quick, listen, serverCertificate, temporaryFolder } from './harness.ts';
import { GatedStorage } from './gated-storage.ts';
import { callOf, protocol } from './report.ts';

interface Stream {
  readonly heard: FromNode[];
  readonly authorization: unknown;
  send(message: ToNodeInit): void;
  raw(bytes: Buffer): void;
}

/** A hand-made controller that sends any message, also one that no controller of ours sends. */
async function falseController(greet: (stream: Stream) => void): Promise<{ port: number; streams: Stream[] }> {
  const streams: Stream[] = [];
  const server = new Server();
  server.addService(protocol.definition, {
    connect(call: ServerDuplexStream<Buffer, Buffer>) {
      const heard: FromNode[] = [];
      const raw = (bytes: Buffer) => void call.write(bytes);
      const [authorization] = call.metadata.get('authorization');
      const stream = { heard, raw, authorization, send: (message: ToNodeInit) => raw(protocol.writeToNode(message)) };
      call.on('data', (bytes: Buffer) => heard.push(protocol.fromNode(bytes)));
      call.on('error', () => undefined);
      streams.push(stream);
      greet(stream);
    },
  });
  return { port: await listen(server), streams };
}

const welcome = { welcome: { version: 1, driverVersion: '0.1.0', pingEveryMs: 200, silenceMs: 20_000 } };

/** Waits until the node has left and dialled again; returns the reason. */
async function leaves(greet: (stream: Stream) => void, greeting = quick.greeting) {
  const storage = new GatedStorage('a');
  // Each operation lasts until it is cancelled.
  storage.gate = async (_, signal) => void (await once(signal, 'abort'));
  const { port, streams } = await falseController(greet);
  const { lines } = node(storage, [port], { timing: { ...quick, greeting } });
  await vi.waitUntil(() => streams.length >= 2, 20_000);
  const ended = lines.find(({ message }) => message === 'stream to a controller ended');
  return { reason: String(ended?.fields['reason']), storage, streams };
}

describe('a node leaves a controller, and dials again', () => {
  test('that does not welcome it', async () => {
    const { reason, streams } = await leaves(() => undefined, 300);
    expect(reason).toBe('it did not answer');
    expect(streams[0]?.heard.map(({ message }) => message)).toEqual(['hello']);
  });

  test('that sends nothing any more', async () => {
    const silenceMs = 500;
    const { reason } = await leaves((stream) => stream.send({ welcome: { ...welcome.welcome, silenceMs } }));
    expect(reason).toBe('it sent nothing for 500 ms');
  });

  test('that welcomes it twice', async () => {
    const { reason } = await leaves((stream) => [welcome, welcome].forEach((message) => stream.send(message)));
    expect(reason).toBe('it welcomed twice');
  });

  test('that sends bytes that are no message', async () => {
    const { storage } = await leaves((stream) => stream.raw(Buffer.from([0x0a, 0xff, 0xff])));
    expect(storage.begun).toEqual([]);
  });

  test('that floods it with calls', async () => {
    const { reason, storage } = await leaves((stream) => {
      stream.send(welcome);
      const find = { volume: 'a:x' };
      for (let id = 1; id <= 1100; id += 1) stream.send(callOf(String(id), 'find', find));
    });
    expect(reason).toBe('more than 1024 calls at once');
    expect(storage.begun.length).toBeLessThanOrEqual(2 * 1024);
  });
});

test('a node sends its token to any peer whose certificate is that of a controller', async () => {
  const { port, streams } = await falseController((stream) => stream.send(welcome));
  const token = join(temporaryFolder(), 'token');
  writeFileSync(token, 'of-a');
  node(new GatedStorage('a'), [port], { token, files: { ca: filesOf(serverCertificate(), authority.certificate).ca } });
  await vi.waitUntil(() => streams.length > 0, 20_000);
  expect(streams[0]?.authorization).toBe('Bearer of-a');
});

test('a call with impossible arguments is answered, and starts nothing', async () => {
  const storage = new GatedStorage('a');
  const { port, streams } = await falseController((stream) => {
    stream.send(welcome);
    stream.send(callOf('1', 'create', {}));
    stream.send(callOf('2', 'remove', { volume: '../../etc' }));
    stream.send(callOf('3', 'fromLater', {}));
  });
  node(storage, [port]);
  const replies = () => streams.flatMap(({ heard }) => heard.flatMap(({ reply }) => reply ?? []));
  await vi.waitUntil(() => replies().length === 3, 20_000);
  expect(replies().map(({ id, error }) => [id, error?.kind])).toEqual([
    ['1', 'INVALID'],
    ['2', 'INVALID'],
    ['3', 'UNIMPLEMENTED'],
  ]);
  expect(storage.begun).toEqual([]);
});
