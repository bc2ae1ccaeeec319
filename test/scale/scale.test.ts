import { afterAll, beforeAll, expect, test } from 'vitest';
import { MiB, GiB } from '../../src/domain/bytes.ts';
import { Cluster, segment } from './cluster.ts';

// One controller and 1,000 simulated nodes with 20 volumes each, over the real stream. The benchmark measures the speed.

const nodes = 1000;
const volumes = 20;
const room = 1024n * GiB - 20n * 16n * MiB;
let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.prepare({ nodes, volumes });
  cluster.dial();
  await cluster.start();
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function listAll(): Promise<string[]> {
  const ids: string[] = [];
  for (let startingToken = '', first = true; first || startingToken !== ''; first = false) {
    const page = await cluster.client.controller.listVolumes({ maxEntries: 500, startingToken });
    expect(page.entries.length).toBeLessThanOrEqual(500);
    ids.push(...page.entries.map(({ volume }) => volume?.volumeId ?? ''));
    startingToken = page.nextToken;
  }
  return ids;
}

async function capacityOf(node: string): Promise<bigint> {
  const accessibleTopology = segment(node);
  const reply = await cluster.client.controller.getCapacity({
    volumeCapabilities: [],
    parameters: {},
    accessibleTopology,
  });
  expect(reply.maximumVolumeSize?.value).toBe(reply.availableCapacity);
  return BigInt(reply.availableCapacity);
}

async function create(name: string, ...wanted: string[]) {
  const { volume } = await cluster.client.controller.createVolume({
    name,
    capacityRange: { requiredBytes: String(16n * MiB), limitBytes: '0' },
    volumeCapabilities: [{ mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' } }],
    ...(wanted.length > 0 && {
      accessibilityRequirements: { requisite: wanted.map(segment), preferred: wanted.map(segment) },
    }),
  } as never);
  return volume?.volumeId ?? '';
}

test('lists every volume of every node once, in order', async () => {
  const expected = Array.from({ length: nodes * volumes }, (_, i) => {
    const index = Math.floor(i / volumes);
    return `node-${index}:pvc-${index}-${i % volumes}`;
  });
  expect(await listAll()).toEqual(expected.sort());
});

test('knows the capacity of each node', async () => {
  for (const index of [0, 7, 500, 999]) expect(await capacityOf(`node-${index}`)).toBe(room);
  expect(await capacityOf('node-1000')).toBe(0n);
});

test('makes each of a hundred volumes on the requested node, and finds them again after kill -9', async () => {
  const wanted = Array.from({ length: 100 }, (_, index) => ({ name: `new-${index}`, node: `node-${index * 7}` }));
  const made = await Promise.all(wanted.map(({ name, node }) => create(name, node)));
  expect(made).toEqual(wanted.map(({ name, node }) => `${node}:${name}`));
  const anywhere = await create('anywhere');
  await cluster.kill();
  cluster.take(101n * 16n * MiB);
  await cluster.start();
  expect(await Promise.all(wanted.map(({ name, node }) => create(name, node)))).toEqual(made);
  expect(await create('anywhere', ...Array.from({ length: nodes }, (_, index) => `node-${index}`))).toBe(anywhere);
  const all = await listAll();
  expect(all.length).toBe(nodes * volumes + 101);
  for (const volumeId of [...made, anywhere]) await cluster.client.controller.deleteVolume({ volumeId });
  expect((await listAll()).length).toBe(nodes * volumes);
});
