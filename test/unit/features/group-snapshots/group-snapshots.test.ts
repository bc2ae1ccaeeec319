import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import { parseVolumeId } from '../../../../src/domain/ids.ts';
import { createGroupSnapshotPart } from '../../../../src/features/group-snapshots/csi.ts';
import { createSnapshotPart } from '../../../../src/features/snapshots/csi.ts';
import type { CallContext } from '../../../../src/grpc/call.ts';
import type { ControllerMethods, GroupControllerMethods } from '../../../../src/grpc/services.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { controllerOf } from '../../controller/wishes.ts';

const driver = 'lvm.quarry.csi';
const context = { signal: new AbortController().signal } as CallContext;
const GiB = 1024n * MiB;

function thinNode(name: string): MemoryStorage {
  const thin = { share: 50, overprovision: 10, refuseAt: 90 } as never;
  const pool = emptyPool(thickSpec('fast', { type: 'thin', thin }), 8n * GiB);
  return new MemoryStorage(name, [
    { ...pool, thin: { size: 4n * GiB, promised: 0n, dataPercent: 0, metadataPercent: 0 } },
    emptyPool(thickSpec('slow'), 8n * GiB),
  ]);
}

let nodes: [MemoryStorage, MemoryStorage];
let calls: GroupControllerMethods;
let alone: Pick<Required<ControllerMethods>, 'deleteSnapshot' | 'createSnapshot'>;
beforeEach(async () => {
  nodes = [thinNode('a'), thinNode('b')];
  const { provisioner } = controllerOf(nodes);
  const part = { driver, registry: provisioner.registry };
  calls = createGroupSnapshotPart(part).services?.GroupController as GroupControllerMethods;
  alone = createSnapshotPart(part).services?.Controller as typeof alone;
  for (const [node, name] of [
    [nodes[0], 'x'],
    [nodes[0], 'y'],
    [nodes[1], 'z'],
  ] as const) {
    const volume = { name, pool: 'fast', layout: { type: 'thin' }, size: { required: 64n * MiB } };
    const spec = { ...volume, mkfsOptions: [], qos: { limits: {}, reservations: {} } };
    await node.create(spec as never, context.signal);
  }
});

const take = (name: string, sourceVolumeIds: string[], parameters = {}) =>
  calls.createVolumeGroupSnapshot({ name, sourceVolumeIds, parameters } as never, context);
const get = (groupSnapshotId: string, snapshotIds: string[] = []) =>
  calls.getVolumeGroupSnapshot({ groupSnapshotId, snapshotIds } as never, context);
const remove = (groupSnapshotId: string, snapshotIds: string[] = []) =>
  calls.deleteVolumeGroupSnapshot({ groupSnapshotId, snapshotIds } as never, context);
const both = ['a:x', 'a:y'];
const group = async () => {
  const { groupSnapshot } = await take('group', both);
  const members = groupSnapshot?.snapshots as { snapshotId: string; groupSnapshotId: string }[];
  return { id: groupSnapshot?.groupSnapshotId ?? '', members: members.map(({ snapshotId }) => snapshotId) };
};

describe('a group snapshot', () => {
  test('has a snapshot of each volume, with its id, and is the same when it is asked for again', async () => {
    const first = await take('group', both);
    expect(first).toMatchObject({ groupSnapshot: { readyToUse: true } });
    const members = first.groupSnapshot?.snapshots ?? [];
    expect(new Set(members.map(({ sourceVolumeId }) => sourceVolumeId))).toEqual(new Set(both));
    const id = first.groupSnapshot?.groupSnapshotId;
    expect(new Set(members.map(({ groupSnapshotId }) => groupSnapshotId))).toEqual(new Set([id]));
    expect(await take('group', both.toReversed())).toEqual(first);
    expect(await get(id ?? '')).toEqual(first);
    expect(nodes[0].snapshots.all.size).toBe(2);
  });

  test('is found by its name after a volume was deleted', async () => {
    const first = await take('group', both);
    await nodes[0].remove(parseVolumeId('a:x')?.id as never, context.signal);
    expect(await take('group', both)).toEqual(first);
  });

  test('is found by its node after a volume was deleted, also if no report has shown it', async () => {
    const first = await take('group', both);
    await nodes[0].remove(parseVolumeId('a:x')?.id as never, context.signal);
    const reported = { ...nodes[0].inventory(), snapshots: new Map() };
    nodes[0].inventory = () => reported;
    expect(await take('group', both)).toEqual(first);
  });

  test('is refused if its name belongs to one of other volumes, also on another node', async () => {
    await take('group', both);
    await expect(take('group', ['a:x'])).rejects.toMatchObject({ kind: 'exists' });
    await expect(take('group', ['b:z'])).rejects.toMatchObject({ kind: 'exists' });
  });

  test('of volumes on several nodes is refused, with the node of each', async () => {
    await expect(take('group', ['a:x', 'b:z'])).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining('a:x on node a, b:z on node b'),
    });
    expect([...nodes[0].snapshots.all, ...nodes[1].snapshots.all]).toEqual([]);
  });

  test('is left to its node while only a part of it is known, as in a report amid the call that takes it', async () => {
    const { members } = await group();
    nodes[0].snapshots.all.delete(members[0] as never);
    const busy = new Failure('busy', 'CreateVolumeGroupSnapshot is in progress');
    nodes[0].groupSnapshots.take = () => Promise.reject(busy);
    await expect(take('group', both)).rejects.toBe(busy);
  });

  test('leaves its name to snapshots of single volumes', async () => {
    await take('name', both);
    const single = { name: 'name', sourceVolumeId: 'b:z', parameters: {}, accessibilityRequirements: null };
    await expect(alone.createSnapshot(single as never, context)).resolves.toBeDefined();
  });
});

describe('a group snapshot of a thick volume', () => {
  const members = () => [...nodes[0].snapshots.all.values()].toSorted((a, b) => (a.source < b.source ? -1 : 1));
  beforeEach(async () => {
    const layout = { type: 'thick', stripes: 1, stripeSize: 0n, mirrors: 0 };
    const volume = { name: 'thick', pool: 'slow', layout, size: { required: 64n * MiB } };
    const spec = { ...volume, snapshotRoom: { percent: 50 }, mkfsOptions: [], qos: { limits: {}, reservations: {} } };
    await nodes[0].create(spec as never, context.signal);
  });

  test('has the room of the class of its volume, and a thin member needs none', async () => {
    await take('group', ['a:thick', 'a:x']);
    expect(members().map(({ source, room }) => [source, room])).toEqual([
      ['a:thick', 32n * MiB],
      ['a:x', undefined],
    ]);
  });

  test('has the room of its own class', async () => {
    await take('group', ['a:thick', 'a:x'], { snapshotSize: '25%' });
    expect(members()[0]?.room).toBe(16n * MiB);
  });

  test('is not ready, and not taken again, when a member has lost its content', async () => {
    const { groupSnapshot } = await take('group', ['a:thick', 'a:x']);
    const [first] = members();
    if (first) nodes[0].snapshots.all.set(first.id, { ...first, state: 'overfull' });
    const { groupSnapshotId = '' } = groupSnapshot ?? {};
    const { groupSnapshot: again } = await take('group', ['a:thick', 'a:x']);
    expect(again).toMatchObject({ groupSnapshotId, readyToUse: false });
    expect((await get(groupSnapshotId)).groupSnapshot).toEqual(again);
  });
});

test("takes the policy that Kubernetes' own tests put among the parameters of the class", async () => {
  const parameters = { deletionPolicy: 'Delete', 'csi.storage.k8s.io/volumegroupsnapshot/name': 'group' };
  expect(await take('group', both, parameters)).toMatchObject({ groupSnapshot: { readyToUse: true } });
});

test.each([
  ['', both, {}, 'invalid'],
  ['g', [], {}, 'invalid'],
  ['g', [''], {}, 'invalid'],
  ['g', both, { sise: '5' }, 'invalid'],
  ['g', both, { snapshotSize: '101%' }, 'invalid'],
  ['g', ['a:x', 'a:absent'], {}, 'not-found'],
  ['g', ['nonsense'], {}, 'not-found'],
])('named "%s" of %j with %j is %s', async (name, sources, parameters, kind) => {
  await expect(take(name, sources, parameters)).rejects.toMatchObject({ kind });
});

describe('the members of a group snapshot', () => {
  test('are not deleted alone', async () => {
    const { members } = await group();
    const call = alone.deleteSnapshot({ snapshotId: members[0] } as never, context);
    await expect(call).rejects.toMatchObject({ kind: 'invalid' });
  });

  test('are compared with the list of a call', async () => {
    const { id, members } = await group();
    for (const list of [members.slice(1), [...members, 'a:snap-other']]) {
      await expect(get(id, list)).rejects.toMatchObject({ kind: 'invalid' });
      await expect(remove(id, list)).rejects.toMatchObject({ kind: 'invalid' });
    }
    expect(nodes[0].snapshots.all.size).toBe(2);
    await remove(id, members);
    expect(nodes[0].snapshots.all.size).toBe(0);
  });

  test('may be missing when a deletion that was cut off is repeated with the whole list', async () => {
    const { id, members } = await group();
    nodes[0].snapshots.all.delete(members[0] as never);
    await expect(get(id)).rejects.toMatchObject({ kind: 'not-found' });
    await remove(id, members);
    expect(nodes[0].snapshots.all.size).toBe(0);
  });
});

test('an id that does not exist is not found, and deleted', async () => {
  for (const id of ['nonsense', `a:group-${'0'.repeat(40)}`]) {
    await expect(get(id)).rejects.toMatchObject({ kind: 'not-found' });
    await expect(remove(id)).resolves.toEqual({});
  }
  await expect(get('')).rejects.toMatchObject({ kind: 'invalid' });
  await expect(remove('')).rejects.toMatchObject({ kind: 'invalid' });
});
