import { beforeEach, expect, test } from 'vitest';
import type { Condition } from '../../../../src/domain/health.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import { createHealthPart } from '../../../../src/features/health/csi.ts';
import type { CallContext } from '../../../../src/grpc/call.ts';
import type { ControllerMethods } from '../../../../src/grpc/services.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { controllerOf } from '../../controller/wishes.ts';

const context = { signal: new AbortController().signal } as CallContext;

let nodes: [MemoryStorage, MemoryStorage];
let calls: Required<ControllerMethods>;
let link: (node: string) => { detach(): void };
beforeEach(() => {
  nodes = [
    new MemoryStorage('a', [emptyPool(thickSpec('fast'), 1n << 40n)]),
    new MemoryStorage('b', [emptyPool(thickSpec('fast'), 1n << 40n)]),
  ];
  for (const node of nodes) for (const name of ['x', 'y', 'z']) put(node, name);
  const { provisioner, fleet } = controllerOf(nodes);
  const { services } = createHealthPart({ driver: 'lvm.quarry.csi', registry: provisioner.registry });
  calls = services?.Controller as Required<ControllerMethods>;
  link = (node) => fleet.link(node);
});

function put(node: MemoryStorage, name: string, type = 'thick'): void {
  const id = `${node.node}:${name}`;
  const volume = { id, node: node.node, name, pool: 'fast', lv: name, size: 1n, layout: { type }, state: 'ready' };
  node.volumes.set(id as never, volume as unknown as Volume);
}

function ail(node: MemoryStorage, key: string, ...conditions: readonly Condition[]): void {
  node.health.set(key, conditions);
  node.changed();
}

const degraded: Condition = { reason: 'MirrorDegraded', message: 'a disk failed' };
type Entries = { volumeId: string; healthStatuses: { status: string; reason: string; message: string }[] }[];
const get = async (volumeId: string) =>
  ((await calls.controllerGetVolumeHealth({ volumeId } as never, context)) as { volumeHealth: Entries[number] })
    .volumeHealth;
const list = async (maxEntries = 0, startingToken = '') =>
  (await calls.controllerListVolumeHealth({ maxEntries, startingToken } as never, context)) as {
    entries: Entries;
    nextToken: string;
  };
const idsOf = ({ entries }: { entries: Entries }) => entries.map(({ volumeId }) => volumeId);

test('a volume that is well has no entry, and is not listed', async () => {
  expect(await get('a:x')).toEqual({ volumeId: 'a:x', healthStatuses: [] });
  expect(await list()).toEqual({ entries: [], nextToken: '' });
});

test('a condition of a volume comes with the status of its reason', async () => {
  ail(nodes[0], 'a:x', degraded);
  expect(await get('a:x')).toEqual({ volumeId: 'a:x', healthStatuses: [{ ...degraded, status: 'DEGRADED' }] });
  expect(await get('a:y')).toEqual({ volumeId: 'a:y', healthStatuses: [] });
});

test('a thin pool that failed makes its thin volumes inaccessible, and no thick one', async () => {
  put(nodes[0], 'thin', 'thin');
  ail(nodes[0], 'fast', { reason: 'ThinPoolFailed', message: 'repair it' });
  expect((await get('a:thin')).healthStatuses).toMatchObject([{ status: 'INACCESSIBLE', reason: 'ThinPoolFailed' }]);
  expect((await get('a:x')).healthStatuses).toEqual([]);
  expect(idsOf(await list())).toEqual(['a:thin']);
});

test('the volumes of a disconnected node are inaccessible, with the reasons that it reported last', async () => {
  ail(nodes[1], 'b:y', degraded);
  link('b').detach();
  expect((await get('b:y')).healthStatuses).toMatchObject([
    { status: 'INACCESSIBLE', reason: 'NodeDisconnected', message: expect.stringContaining('node b') },
    { status: 'DEGRADED', reason: 'MirrorDegraded' },
  ]);
  expect(idsOf(await list())).toEqual(['b:x', 'b:y', 'b:z']);
});

test('the list has pages of the volumes that are not well', async () => {
  for (const id of ['a:x', 'a:z']) ail(nodes[0], id, degraded);
  ail(nodes[1], 'b:y', degraded);
  const first = await list(2);
  expect(idsOf(first)).toEqual(['a:x', 'a:z']);
  const second = await list(2, first.nextToken);
  expect(idsOf(second)).toEqual(['b:y']);
  expect(second.nextToken).toBe('');
  await expect(list(0, 'nonsense')).rejects.toMatchObject({ kind: 'bad-token' });
  await expect(list(-1)).rejects.toMatchObject({ kind: 'invalid' });
});

test('a volume is absent only where its node says so; one that cannot be looked up is inaccessible', async () => {
  await expect(get('')).rejects.toMatchObject({ kind: 'invalid' });
  await expect(get('foreign')).rejects.toMatchObject({ kind: 'not-found' });
  await expect(get('a:none')).rejects.toMatchObject({ kind: 'not-found' });
  link('a').detach();
  expect((await get('a:none')).healthStatuses).toMatchObject([{ status: 'INACCESSIBLE', reason: 'StateUnknown' }]);
  expect((await get('never:seen')).healthStatuses).toMatchObject([{ status: 'INACCESSIBLE', reason: 'StateUnknown' }]);
});
