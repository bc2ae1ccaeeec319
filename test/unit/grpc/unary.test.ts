import { status } from '@grpc/grpc-js';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeMethods, Services } from '../../../src/grpc/services.ts';
import { failureOf, serve } from './harness.ts';

const probe = async () => ({ ready: { value: true } });

test('a request arrives decoded, and its call has one line in the log', async () => {
  const seen: unknown[] = [];
  const observed: unknown[] = [];
  const { client, lines } = await serve(
    {
      Controller: {
        createVolume: async (request) => {
          seen.push(
            request.name,
            request.capacityRange?.requiredBytes,
            request.volumeCapabilities[0]?.accessMode?.mode,
          );
          return { volume: { volumeId: 'v1', capacityBytes: '9007199254740993' } };
        },
        listVolumes: async () => ({}),
      },
    },
    { observe: (...each) => observed.push(each), now: () => 5 },
  );
  const created = await client.controller.createVolume({
    name: 'pvc-1',
    capacityRange: { requiredBytes: '9007199254740993' },
    volumeCapabilities: [{ mount: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } }],
  });
  await client.controller.listVolumes({});
  expect(seen).toEqual(['pvc-1', '9007199254740993', 'SINGLE_NODE_WRITER']);
  expect(created.volume?.capacityBytes).toBe('9007199254740993');
  expect(lines).toEqual([
    { level: 'info', message: 'call', fields: { method: 'CreateVolume', volume: 'pvc-1', duration_ms: 0, code: 'OK' } },
    { level: 'debug', message: 'call', fields: { method: 'ListVolumes', duration_ms: 0, code: 'OK' } },
  ]);
  expect(observed).toEqual([
    ['CreateVolume', 'OK', 0],
    ['ListVolumes', 'OK', 0],
  ]);
});

test('a failure reaches the caller with its message', async () => {
  const { client, lines } = await serve({
    Controller: {
      deleteVolume: async () => {
        throw new Failure('precondition', 'volume v1 is staged');
      },
    },
  });
  const failure = await failureOf(client.controller.deleteVolume({ volumeId: 'v1' }));
  expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'volume v1 is staged' });
  expect(lines).toMatchObject([
    { level: 'info', fields: { volume: 'v1', code: 'FAILED_PRECONDITION', error: 'volume v1 is staged' } },
  ]);
});

test('sends no text of an unknown error, and logs all of it with the redacted request', async () => {
  const boom = new Error('disk on fire');
  const { client, lines } = await serve({
    Node: {
      nodeStageVolume: () => {
        throw boom;
      },
    },
  });
  const call = client.node.nodeStageVolume({ volumeId: 'v1', secrets: { passphrase: 'SECRET' } });
  expect(await failureOf(call)).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'error', fields: { method: 'NodeStageVolume', volume: 'v1', err: boom } });
  expect(lines[0]?.fields['request']).toEqual({ volumeId: 'v1', secrets: '[redacted]' });
});

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'yes'],
  ['a list that is none', { capabilities: 'all' }],
  ['a message that is none', { capabilities: ['all'] }],
])('a handler that resolves to %s is an internal error', async (_what, response) => {
  const identity = { getPluginCapabilities: async () => response } as unknown as Services['Identity'];
  const { client, lines } = await serve({ Identity: { ...identity, probe } });
  const failure = await failureOf(client.identity.getPluginCapabilities({}));
  expect(failure).toMatchObject({ code: status.INTERNAL, details: 'internal error' });
  expect(lines[0]?.level).toBe('error');
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
});

test('a method that is not offered is UNIMPLEMENTED', async () => {
  const { client } = await serve({ Controller: {} });
  expect(await failureOf(client.controller.getSnapshot({}))).toMatchObject({
    code: status.UNIMPLEMENTED,
    details: 'this driver does not offer GetSnapshot',
  });
  expect(await failureOf(client.node.nodeGetInfo({}))).toMatchObject({ code: status.UNIMPLEMENTED });
});

test('refuses a handler without a method', async () => {
  const slip = { probee: probe } as Services['Identity'];
  await expect(serve({ Identity: { ...slip } })).rejects.toThrow('csi.v1.Identity has no method probee');
});

test('a request over the limits never reaches the handler', async () => {
  const { client } = await serve({ Controller: { deleteVolume: () => Promise.reject(new Error('reached')) } });
  const failure = await failureOf(client.controller.deleteVolume({ volumeId: 'x'.repeat(129) }));
  expect(failure).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'volume_id is 129 bytes long, the limit is 128',
  });
});

test.each([
  ['a field cut short', Buffer.from([0x0a, 0x05, 0x61])],
  ['a number without end', Buffer.alloc(20, 0xff)],
  ['text that is no UTF-8', Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
])('%s is INVALID_ARGUMENT', async (_what, bytes) => {
  const { client } = await serve({ Controller: { deleteVolume: async () => ({}) } });
  expect(await failureOf(client.raw('/csi.v1.Controller/DeleteVolume', bytes))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    details: 'the request is not a well-formed DeleteVolumeRequest',
  });
});

test('no bytes on the wire end the process or cause an internal error', async () => {
  const { client, lines } = await serve({ Identity: { probe }, Controller: { createVolume: async () => ({}) } });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      await client.raw('/csi.v1.Controller/CreateVolume', Buffer.from(bytes)).catch(() => undefined);
    }),
    { numRuns: 200 },
  );
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
});

test('refuses a message that is too large, and the process stays alive', async () => {
  const { client } = await serve({ Identity: { probe }, Controller: { deleteVolume: async () => ({}) } });
  const bytes = Buffer.alloc(5 * 1024 * 1024);
  expect(await failureOf(client.raw('/csi.v1.Controller/DeleteVolume', bytes))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
  });
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
});

test('a logger or metric that throws does not prevent the reply', async () => {
  const fails = (): never => {
    throw new Error('log is full');
  };
  const log = { debug: fails, info: fails, warn: fails, error: fails };
  const { client } = await serve({ Identity: { probe } }, { log });
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
});

test('handlers that do not fit their method do not compile', () => {
  const wrongResponse: Services = {
    // @ts-expect-error ready is a message
    Identity: { probe: async () => ({ ready: true }) },
  };
  const wrongName: Services = {
    // @ts-expect-error there is no such method
    Identity: { probee: probe },
  };
  // @ts-expect-error nodeGetInfo is missing
  const missing: Pick<NodeMethods, 'nodeGetInfo' | 'nodeGetCapabilities'> = { nodeGetCapabilities: async () => ({}) };
  expect([wrongResponse, wrongName, missing]).toHaveLength(3);
});

test('refuses and logs a reply that is too large for clients', async () => {
  const entries = Array.from({ length: 50_000 }, (_, number) => ({ volume: { volumeId: `${number}`.padStart(100) } }));
  const { client, lines } = await serve({ Controller: { listVolumes: async () => ({ entries }) } });
  expect(await failureOf(client.controller.listVolumes({}))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringMatching(/^the reply is \d+ bytes long, the limit is 4194304$/),
  });
  expect(lines).toMatchObject([{ fields: { code: 'RESOURCE_EXHAUSTED' } }]);
});
