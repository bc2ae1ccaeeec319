import { expect, onTestFinished, test, vi } from 'vitest';
import type { NodeName } from '../../../src/domain/ids.ts';
import { createNodeWatch } from '../../../src/kubernetes/nodes.ts';
import { memoryLog } from '../grpc/harness.ts';
import { backoff, startApiServer } from './harness.ts';

const path = '/api/v1/nodes';
const minute = 60_000;
const label = 'topology.lvm.quarry.csi/node';

async function begin(...names: readonly string[]) {
  const { server, api } = await startApiServer();
  for (const name of names) server.put(path, { metadata: { name } });
  const clock = { now: 1_000_000, reads: 0 };
  const { log } = memoryLog();
  const nodes = createNodeWatch({
    api,
    log,
    backoff,
    grace: 10 * minute,
    nodeName: (name) => name.toLowerCase() as NodeName,
    label,
    now: () => ((clock.reads += 1), clock.now),
  });
  onTestFinished(() => nodes.stop());
  const gone = (name: string): boolean => nodes.gone(name as NodeName);
  const watching = () => vi.waitFor(() => expect(server.watches).toBe(1));
  return { server, nodes, clock, gone, watching };
}

test('a node that Kubernetes never had is gone after a full grace of watching', async () => {
  const { nodes, clock, gone, watching } = await begin('N1');
  clock.now += 60 * minute;
  expect(gone('n2')).toBe(false);
  nodes.start();
  await watching();
  clock.now += 10 * minute - 1;
  await vi.waitFor(() => expect(gone('n2')).toBe(false));
  clock.now += 1;
  await vi.waitFor(() => expect(gone('n2')).toBe(true));
  expect(gone('n1')).toBe(false);
});

test('the grace begins when the Node is deleted, and ends when it is back', async () => {
  const { server, nodes, clock, gone, watching } = await begin('n1', 'n2');
  nodes.start();
  await watching();
  clock.now += 60 * minute;
  const { reads } = clock;
  server.delete(path, 'n2');
  // The watch has seen the deletion once it has read the clock.
  await vi.waitFor(() => expect(clock.reads).toBeGreaterThan(reads));
  clock.now += 10 * minute - 1;
  expect(gone('n2')).toBe(false);
  clock.now += 1;
  expect(gone('n2')).toBe(true);
  server.put(path, { metadata: { name: 'n2' } });
  await vi.waitFor(() => expect(gone('n2')).toBe(false));
  clock.now += 60 * minute;
  expect(gone('n2')).toBe(false);
});

test('without a watch no node counts as gone; a missed deletion starts the grace again', async () => {
  const { server, nodes, clock, gone, watching } = await begin('n1');
  nodes.start();
  await watching();
  clock.now += 10 * minute;
  await vi.waitFor(() => expect(gone('n2')).toBe(true));
  await server.down();
  await vi.waitFor(() => expect(gone('n2')).toBe(false));
  server.compact();
  server.put(path, { metadata: { name: 'n3' } });
  server.compact();
  await server.up();
  await watching();
  expect(gone('n2')).toBe(false);
  clock.now += 10 * minute;
  await vi.waitFor(() => expect(gone('n2')).toBe(true));
});

test('an interruption without a lost change does not restart the grace', async () => {
  const { server, nodes, clock, gone, watching } = await begin('n1');
  nodes.start();
  await watching();
  clock.now += 10 * minute;
  server.breakConnections();
  await watching();
  await vi.waitFor(() => expect(gone('n2')).toBe(true));
});

test('no node counts as gone if the API server lists none', async () => {
  const { nodes, clock, gone, watching, server } = await begin();
  nodes.start();
  await watching();
  clock.now += 60 * minute;
  expect(gone('n1')).toBe(false);
  server.put(path, { metadata: { name: 'n2' } });
  await vi.waitFor(() => expect(gone('n1')).toBe(true));
});

test('a deleted Node is known at once, and none counts as deleted without a watch', async () => {
  const { server, nodes, watching } = await begin('n1', 'n2');
  const deleted = (name: string): boolean => nodes.deleted(name as NodeName);
  expect(deleted('n3')).toBe(false);
  nodes.start();
  await watching();
  await vi.waitFor(() => expect(deleted('n3')).toBe(true));
  expect(deleted('n2')).toBe(false);
  server.delete(path, 'n2');
  await vi.waitFor(() => expect(deleted('n2')).toBe(true));
  await server.down();
  await vi.waitFor(() => expect(deleted('n2')).toBe(false));
});

test("a node is expected while it is Ready and has the driver's label", async () => {
  const { server, nodes } = await begin('n1');
  const conditions = (status: string) => [
    { type: 'DiskPressure', status: 'True' },
    { type: 'Ready', status },
  ];
  const put = (name: string, labels: Record<string, string>, status: string): void =>
    server.put(path, { metadata: { name, labels }, status: { conditions: conditions(status) } });
  put('n2', { [label]: 'n2' }, 'True');
  put('n3', { [label]: 'n3' }, 'Unknown');
  put('n4', { other: 'label' }, 'True');
  expect(nodes.expected()).toBeUndefined();
  nodes.start();
  await vi.waitFor(() => expect(nodes.expected()).toEqual(['n2']));
  put('n3', { [label]: 'n3' }, 'True');
  await vi.waitFor(() => expect(nodes.expected()).toEqual(['n2', 'n3']));
  put('n2', { [label]: 'n2' }, 'False');
  await vi.waitFor(() => expect(nodes.expected()).toEqual(['n3']));
});
