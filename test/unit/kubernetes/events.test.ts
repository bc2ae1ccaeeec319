import { expect, test } from 'vitest';
import { createEvents, type EventSubject } from '../../../src/kubernetes/events.ts';
import { startApiServer } from './harness.ts';

const { signal } = new AbortController();
const now = (): number => Date.parse('2026-11-29T01:02:03.456Z');

async function begin() {
  const { server, api } = await startApiServer();
  const events = createEvents({ api, driver: 'lvm.quarry.csi', now });
  const send = (subject: EventSubject, message = 'why') =>
    events.send({ name: 'quarry-1', subject, reason: 'PoolNotReady', message }, signal);
  return { server, send };
}

test('sends an event about a claim in its namespace, once for each name', async () => {
  const { server, send } = await begin();
  const subject = { kind: 'PersistentVolumeClaim', namespace: 'db', name: 'data', uid: 'u-1' } as const;
  await send(subject);
  await send(subject);
  expect(server.objects('/api/v1/namespaces/db/events')).toMatchObject([
    {
      kind: 'Event',
      metadata: { name: 'quarry-1', namespace: 'db' },
      involvedObject: { apiVersion: 'v1', ...subject },
      type: 'Warning',
      reason: 'PoolNotReady',
      message: 'why',
      source: { component: 'lvm.quarry.csi' },
      firstTimestamp: '2026-11-29T01:02:03Z',
      count: 1,
    },
  ]);
});

test('sends an event about a node in the default namespace, with the name as the uid, as kubelet does', async () => {
  const { server, send } = await begin();
  await send({ kind: 'Node', name: 'node-1' });
  const [event] = server.objects('/api/v1/namespaces/default/events');
  expect(event).toMatchObject({ involvedObject: { kind: 'Node', name: 'node-1', uid: 'node-1' } });
});

test("cuts a message to Kubernetes' limit, at a whole character", async () => {
  const { server, send } = await begin();
  await send({ kind: 'Node', name: 'node-1' }, 'ü'.repeat(2000));
  const message = server.objects('/api/v1/namespaces/default/events')[0]?.['message'] as string;
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
  expect(message).toMatch(/^ü+…$/);
});

test('fails with the reason of an API server that does not take it', async () => {
  const { server, send } = await begin();
  server.failing = 403;
  await expect(send({ kind: 'Node', name: 'node-1' })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('403'),
  });
});
