import { beforeEach, describe, expect, test } from 'vitest';
import { createControllerService } from '../../../../src/controller/service.ts';
import { MiB } from '../../../../src/domain/bytes.ts';
import type { SnapshotId, VolumeId } from '../../../../src/domain/ids.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import { createSnapshotPart } from '../../../../src/features/snapshots/csi.ts';
import type { ControllerMethods } from '../../../../src/grpc/services.ts';
import type { CallContext } from '../../../../src/grpc/call.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { controllerOf } from '../../controller/wishes.ts';

const driver = 'lvm.quarry.csi';
const context = { signal: new AbortController().signal } as CallContext;
const GiB = 1024n * MiB;

/** A node with a thin pool `fast`, and a pool `slow` without one. */
function thinNode(name: string): MemoryStorage {
  const thin = { share: 50, overprovision: 10, refuseAt: 90 } as never;
  const pool = emptyPool(thickSpec('fast', { type: 'thin', thin }), 8n * GiB);
  const filled = { size: 4n * GiB, promised: 0n, dataPercent: 0, metadataPercent: 0 };
  return new MemoryStorage(name, [{ ...pool, thin: filled }, emptyPool(thickSpec('slow'), 8n * GiB)]);
}

let nodes: [MemoryStorage, MemoryStorage];
let calls: Required<ControllerMethods>;
let link: (node: string) => { detach(): void };
beforeEach(() => {
  nodes = [thinNode('a'), thinNode('b')];
  const { provisioner, fleet } = controllerOf(nodes);
  const { services, capabilities = [] } = createSnapshotPart({ driver, registry: provisioner.registry });
  const more = { methods: services?.Controller ?? {}, capabilities };
  calls = createControllerService(provisioner, driver, more) as Required<ControllerMethods>;
  link = (node) => fleet.link(node);
});

const on = (node: string) => ({ requisite: [{ segments: { [`topology.${driver}/node`]: node } }], preferred: [] });
const create = (name: string, over: object = {}) =>
  calls.createVolume(
    {
      name,
      capacityRange: { requiredBytes: String(64n * MiB), limitBytes: '0' },
      volumeCapabilities: [{ block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } }],
      parameters: {},
      mutableParameters: {},
      volumeContentSource: null,
      accessibilityRequirements: on('a'),
      ...over,
    } as never,
    context,
  );
const take = (name: string, sourceVolumeId: string, parameters = {}, accessibilityRequirements: object | null = null) =>
  calls.createSnapshot({ name, sourceVolumeId, parameters, accessibilityRequirements } as never, context);
const ofSnapshot = (snapshotId: string) => ({ volumeContentSource: { snapshot: { snapshotId } } });
const list = (over: object = {}) =>
  calls.listSnapshots(
    { maxEntries: 0, startingToken: '', sourceVolumeId: '', snapshotId: '', ...over } as never,
    context,
  );
const idsOf = async (over: object = {}) =>
  ((await list(over)) as { entries: { snapshot: { snapshotId: string } }[] }).entries.map(
    ({ snapshot }) => snapshot.snapshotId,
  );
const a = 'a:x' as VolumeId;
const id = 'a:snap-1' as SnapshotId;
const overfill = () => {
  const taken = nodes[0].snapshots.all.get(id);
  if (taken) nodes[0].snapshots.all.set(id, { ...taken, state: 'overfull' });
};

describe('a snapshot', () => {
  beforeEach(() => create('x'));

  test('is taken on the node that has the volume, and is the same when it is asked for again', async () => {
    const first = await take('snapshot-1', a);
    expect(first).toMatchObject({ snapshot: { snapshotId: id, sourceVolumeId: a, sizeBytes: String(64n * MiB) } });
    expect(await take('snapshot-1', a)).toEqual(first);
    expect([...nodes[0].snapshots.all.keys()]).toEqual([id]);
  });

  test('is found by its name after its volume was deleted', async () => {
    const first = await take('snapshot-1', a);
    await calls.deleteVolume({ volumeId: a } as never, context);
    expect(await take('snapshot-1', a)).toEqual(first);
  });

  test('is refused if its name belongs to one of another volume, also on another node', async () => {
    await create('y', { accessibilityRequirements: on('b') });
    await take('snapshot-1', a);
    await expect(take('snapshot-1', 'b:y')).rejects.toMatchObject({ kind: 'exists' });
    await expect(take('snapshot-1', 'nonsense')).rejects.toMatchObject({ kind: 'exists' });
  });

  test.each([
    ['', a, {}, 'invalid'],
    ['s', '', {}, 'invalid'],
    ['s', a, { sise: '5' }, 'invalid'],
    ['s', a, { snapshotSize: '0%' }, 'invalid'],
    ['s', a, { snapshotSize: '101%' }, 'invalid'],
    ['s', a, { snapshotSize: 'much' }, 'invalid'],
    ['s', 'a:absent', {}, 'not-found'],
    ['s', 'nonsense', {}, 'not-found'],
  ])('named "%s" of "%s" with %j is %s', async (name, source, parameters, kind) => {
    await expect(take(name, source, parameters)).rejects.toMatchObject({ kind });
  });

  test('accepts what the snapshotter adds to the parameters', async () => {
    await take('snapshot-1', a, { 'csi.storage.k8s.io/volumesnapshot/name': 'mine' });
    expect(await idsOf()).toEqual([id]);
  });

  test('is where its volume is, or nowhere', async () => {
    await expect(take('snapshot-1', a, {}, on('b'))).rejects.toMatchObject({ kind: 'exhausted' });
    expect(await idsOf()).toEqual([]);
    expect(await take('snapshot-1', a, {}, on('a'))).toMatchObject({
      snapshot: { accessibleTopology: [{ segments: { [`topology.${driver}/node`]: 'a' } }] },
    });
  });

  test('of a thick volume has the room of the class of its volume', async () => {
    await create('thick', { parameters: { pool: 'slow', snapshotSize: '50%' } });
    await take('snapshot-1', 'a:thick');
    expect(nodes[0].snapshots.all.get(id)).toMatchObject({ room: 32n * MiB });
  });

  test.each([
    ['25%', 16n * MiB],
    ['9Mi', 12n * MiB],
  ])('of a thick volume has the room of %s', async (snapshotSize, room) => {
    await create('thick', { parameters: { pool: 'slow' } });
    await take('snapshot-1', 'a:thick', { snapshotSize });
    expect(nodes[0].snapshots.all.get(id)).toMatchObject({ size: 64n * MiB, room });
  });

  test('that is overfull is not ready, and no source of a volume', async () => {
    await take('snapshot-1', a);
    overfill();
    expect(await calls.getSnapshot({ snapshotId: id } as never, context)).toMatchObject({
      snapshot: { readyToUse: false },
    });
    await expect(create('restored', ofSnapshot(id))).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('overfull'),
    });
  });

  test('is listed in pages, by its id and by its volume', async () => {
    await create('y', { accessibilityRequirements: on('b') });
    for (const [name, volume] of [
      ['snapshot-1', a],
      ['snapshot-2', a],
      ['snapshot-3', 'b:y'],
    ] as const)
      await take(name, volume);
    expect(await idsOf()).toEqual([id, 'a:snap-2', 'b:snap-3']);
    expect(await idsOf({ sourceVolumeId: a })).toEqual([id, 'a:snap-2']);
    expect(await idsOf({ snapshotId: 'b:snap-3' })).toEqual(['b:snap-3']);
    const { nextToken } = (await list({ maxEntries: 2 })) as { nextToken: string };
    expect(await idsOf({ startingToken: nextToken })).toEqual(['b:snap-3']);
    const seen: string[] = [];
    for (let startingToken = ''; ;) {
      seen.push(...(await idsOf({ maxEntries: 1, startingToken })));
      ({ nextToken: startingToken } = (await list({ maxEntries: 1, startingToken })) as { nextToken: string });
      if (startingToken === '') break;
    }
    expect(seen).toEqual([id, 'a:snap-2', 'b:snap-3']);
  });

  test('is on a page without a look at the nodes that the page does not reach', async () => {
    for (const name of ['snapshot-1', 'snapshot-2']) await take(name, a);
    const inventory = nodes[1].inventory.bind(nodes[1]);
    let looks = 0;
    nodes[1].inventory = () => {
      looks += 1;
      return inventory();
    };
    expect(await idsOf({ maxEntries: 1 })).toEqual([id]);
    expect(looks).toBe(0);
    expect(await idsOf()).toEqual([id, 'a:snap-2']);
    expect(looks).toBeGreaterThan(0);
  });

  test('is deleted once and for all; an id that Quarry never issued is gone already', async () => {
    await take('snapshot-1', a);
    for (const snapshotId of [id, id, 'nonsense', a]) await calls.deleteSnapshot({ snapshotId } as never, context);
    expect(await idsOf()).toEqual([]);
    expect([...nodes[0].volumes.keys()]).toEqual([a]);
    await expect(calls.getSnapshot({ snapshotId: id } as never, context)).rejects.toMatchObject({ kind: 'not-found' });
  });

  test('on a node that is away is neither taken, deleted nor called absent', async () => {
    await take('snapshot-1', a);
    link('a').detach();
    const unavailable = { kind: 'unavailable' };
    await expect(take('snapshot-2', a)).rejects.toMatchObject(unavailable);
    await expect(calls.deleteSnapshot({ snapshotId: id } as never, context)).rejects.toMatchObject(unavailable);
    await expect(calls.getSnapshot({ snapshotId: id } as never, context)).rejects.toMatchObject(unavailable);
    expect(await idsOf()).toEqual([id]);
  });
});

describe('a volume from a snapshot or a volume', () => {
  beforeEach(async () => {
    await create('x');
    await take('snapshot-1', a);
  });
  const made = () => nodes[0].volumes.get('a:copy' as Volume['id']);

  test('is made on the node of its source, wherever it may be, and says what it was made from', async () => {
    const anywhere = { accessibilityRequirements: null };
    expect(await create('copy', { ...anywhere, ...ofSnapshot(id) })).toMatchObject({
      volume: { volumeId: 'a:copy', contentSource: { snapshot: { snapshotId: id } } },
    });
    const clone = { volumeContentSource: { volume: { volumeId: a } } };
    expect(await create('clone', { ...anywhere, ...clone })).toMatchObject({
      volume: { volumeId: 'a:clone', contentSource: { volume: { volumeId: a } } },
    });
  });

  test('is not smaller than its source, and may be larger', async () => {
    const sized = (requiredBytes: bigint, limitBytes = 0n) => ({
      capacityRange: { requiredBytes: String(requiredBytes), limitBytes: String(limitBytes) },
      ...ofSnapshot(id),
    });
    await create('copy', sized(4n * MiB));
    expect(made()?.size).toBe(64n * MiB);
    expect(await create('large', sized(128n * MiB))).toMatchObject({ volume: { capacityBytes: String(128n * MiB) } });
    await expect(create('small', sized(4n * MiB, 8n * MiB))).rejects.toMatchObject({ kind: 'out-of-range' });
  });

  test.each([
    ['on another node', { accessibilityRequirements: on('b') }, 'exhausted'],
    ['of a source that is gone', ofSnapshot('a:snap-2'), 'not-found'],
    ['of a foreign source', ofSnapshot('nonsense'), 'not-found'],
    ['of a volume that is named as a snapshot', ofSnapshot(a), 'not-found'],
    ['of a source without an id', ofSnapshot(''), 'invalid'],
  ])('%s is refused', async (_, over, kind) => {
    await expect(create('copy', { ...ofSnapshot(id), ...over })).rejects.toMatchObject({ kind });
    expect(made()).toBeUndefined();
  });

  test('may be in another pool', async () => {
    await create('copy', { parameters: { pool: 'slow' }, ...ofSnapshot(id) });
    expect(made()?.pool).toBe('slow');
  });

  test.each([
    ['snapshot', ofSnapshot(id), () => nodes[0].snapshots.remove(id)],
    ['volume', { volumeContentSource: { volume: { volumeId: a } } }, () => nodes[0].remove(a, context.signal)],
  ])('is the same when it is asked for again after its %s was deleted', async (_kind, source, removeSource) => {
    const first = await create('copy', source);
    await removeSource();
    expect(await create('copy', source)).toEqual(first);
    await expect(create('another', source)).rejects.toMatchObject({ kind: 'not-found' });
    // Its content is not that of any other source.
    await create('plain');
    await expect(create('plain', source)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(create('copy', { ...source, accessibilityRequirements: on('b') })).rejects.toMatchObject({
      kind: 'exhausted',
    });
  });

  test('is the same when it is asked for again after its snapshot became overfull', async () => {
    const first = await create('copy', ofSnapshot(id));
    overfill();
    expect(await create('copy', ofSnapshot(id))).toEqual(first);
  });

  test('is the same when it is asked for again, and refused for another source', async () => {
    const first = await create('copy', ofSnapshot(id));
    expect(await create('copy', ofSnapshot(id))).toEqual(first);
    await expect(create('copy')).rejects.toMatchObject({ kind: 'exists' });
  });
});
