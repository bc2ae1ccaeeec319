import { expect, test } from 'vitest';
import { effectsOf, Model } from '../../fuzz/model.ts';

const create = { path: '/csi.v1.Controller/CreateVolume', request: { name: 'pvc-0' }, reply: undefined };
const remove = { path: '/csi.v1.Controller/DeleteVolume', request: { volumeId: 'n1:pvc-0' }, reply: {} };
const made = effectsOf({ ...create, code: 'OK', reply: { volume: { volumeId: 'n1:pvc-0' } } });
const removed = effectsOf({ ...remove, code: 'OK' });
const there = new Set(['volume n1:pvc-0']);
const nothing = new Set<string>();

function after(...rounds: (typeof made)[]): Model {
  const model = new Model();
  for (const effects of rounds) model.apply(effects);
  return model;
}

test('a volume is there after a creation that succeeded, and only then', () => {
  expect(after(made).compare(there)).toEqual([]);
  expect(after(made).compare(nothing)).toHaveLength(1);
  expect(after().compare(there)).toHaveLength(1);
  const refused = effectsOf({ ...create, code: 'INVALID_ARGUMENT' });
  expect(after(refused).compare(there)).toHaveLength(1);
});

test('a volume is gone after a deletion that succeeded, and only then', () => {
  expect(after(made, removed).compare(nothing)).toEqual([]);
  expect(after(made, removed).compare(there)).toHaveLength(1);
  const refused = effectsOf({ ...remove, code: 'FAILED_PRECONDITION' });
  expect(after(made, refused).compare(nothing)).toHaveLength(1);
});

test('a call without an answer may have been served or not', () => {
  for (const code of ['CANCELLED', 'UNAVAILABLE', 'none']) {
    const perhapsMade = effectsOf({ ...create, code });
    const perhapsRemoved = effectsOf({ ...remove, code });
    for (const present of [there, nothing]) {
      expect(after(perhapsMade).compare(present)).toEqual([]);
      expect(after(made, perhapsRemoved).compare(present)).toEqual([]);
    }
    expect(after(perhapsRemoved).compare(there)).toHaveLength(1);
    expect(after(made, perhapsMade).compare(nothing)).toHaveLength(1);
  }
});

test('of calls at the same time either may have been the last', () => {
  const perhapsMade = effectsOf({ ...create, code: 'CANCELLED' });
  const perhapsRemoved = effectsOf({ ...remove, code: 'CANCELLED' });
  for (const present of [there, nothing]) {
    expect(after([...made, ...removed]).compare(present)).toEqual([]);
    expect(after(made, [...perhapsMade, ...perhapsRemoved]).compare(present)).toEqual([]);
    expect(after([...perhapsMade, ...removed]).compare(present)).toEqual([]);
  }
});

test('a mount is where a stage or a publish put it, and an undo for an id that is not ours removes nothing', () => {
  const path = '/csi.v1.Node/NodeStageVolume';
  const staged = { volumeId: 'n1:pvc-0', stagingTargetPath: '/kubelet//a/', volumeCapability: { block: {} } };
  const block = effectsOf({ path, code: 'OK', reply: {}, request: staged });
  const mounted = effectsOf({ path, code: 'OK', reply: {}, request: { ...staged, volumeCapability: {} } });
  expect(after(block).compare(new Set(['mount /kubelet/a/device']))).toEqual([]);
  expect(after(mounted).compare(new Set(['mount /kubelet/a']))).toEqual([]);
  const undo = { path: '/csi.v1.Node/NodeUnstageVolume', code: 'OK', reply: {} };
  const own = effectsOf({ ...undo, request: { volumeId: 'n1:pvc-0', stagingTargetPath: '/kubelet/a' } });
  const foreign = effectsOf({ ...undo, request: { volumeId: '../x', stagingTargetPath: '/kubelet/a' } });
  expect(after(block, own).compare(nothing)).toEqual([]);
  expect(after(block, foreign).compare(nothing)).toHaveLength(1);
});

test.for<[thing: string, create: string, made: object, remove: string, removed: object]>([
  [
    'snapshot n1:snap-a',
    '/csi.v1.Controller/CreateSnapshot',
    { snapshot: { snapshotId: 'n1:snap-a' } },
    '/csi.v1.Controller/DeleteSnapshot',
    { snapshotId: 'n1:snap-a' },
  ],
  [
    'snapshot n1:snap-a',
    '/quarry.node.v1.Snapshots/TakeSnapshot',
    { snapshot: { id: 'n1:snap-a' } },
    '/quarry.node.v1.Snapshots/RemoveSnapshot',
    { snapshot: 'n1:snap-a' },
  ],
  [
    'group n1:group-a',
    '/csi.v1.GroupController/CreateVolumeGroupSnapshot',
    { groupSnapshot: { groupSnapshotId: 'n1:group-a' } },
    '/csi.v1.GroupController/DeleteVolumeGroupSnapshot',
    { groupSnapshotId: 'n1:group-a' },
  ],
  [
    'group n1:group-a',
    '/quarry.node.v1.Snapshots/TakeGroupSnapshot',
    { group: { id: 'n1:group-a' } },
    '/quarry.node.v1.Snapshots/RemoveGroupSnapshot',
    { group: 'n1:group-a' },
  ],
])('%s is there after %s, and gone after its removal', ([thing, path, reply, undo, request]) => {
  const taken = effectsOf({ path, request: { name: 'any' }, code: 'OK', reply: reply as Record<string, unknown> });
  const gone = effectsOf({ path: undo, request: request as Record<string, unknown>, code: 'OK', reply: {} });
  expect(after(taken).compare(new Set([thing]))).toEqual([]);
  expect(after(taken).compare(nothing)).toHaveLength(1);
  expect(after(taken, gone).compare(new Set([thing]))).toHaveLength(1);
  expect(after(taken, gone).compare(nothing)).toEqual([]);
});

test('an administrator deletes a volume, a snapshot or a group snapshot as an orphan', () => {
  const request = { id: 'n1:group-0', node: 'n1' };
  const deleted = effectsOf({ path: '/quarry.admin.v1.Admin/DeleteOrphan', code: 'OK', reply: {}, request });
  for (const kind of ['volume', 'snapshot', 'group'])
    expect(after([{ thing: `${kind} n1:group-0`, exists: 'there' }], deleted).compare(nothing)).toEqual([]);
});
