import { expect, test } from 'vitest';
import type { SnapshotId } from '../../../../src/domain/ids.ts';
import type { Snapshot } from '../../../../src/domain/snapshot.ts';
import { OrphanEvents } from '../../../../src/features/orphans/events.ts';
import { Orphans } from '../../../../src/features/orphans/orphans.ts';
import { OrphanRemoval } from '../../../../src/features/orphans/removal.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import type { Orphan } from '../../../../src/features/orphans/sightings.ts';
import type { WarningEvent } from '../../../../src/kubernetes/events.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { begin, minute, never } from './harness.ts';

/** A snapshot of the volume, which has a PersistentVolume. */
async function withSnapshot() {
  const begun = await begin();
  const { storages, claims, orphans, removal, clock } = begun;
  claims.known?.add(begun.id);
  const snapshot = await storages.a.snapshots.take({ name: 'snapshot-1', source: begun.id });
  await orphans.look();
  clock.now += 10 * minute;
  const list = () => createOrphanService(orphans, removal, () => clock.now).listOrphans({}, { signal: never } as never);
  const listed = async () => (await list()).orphans?.map(({ id }) => id);
  return { ...begun, snapshot, list, listed };
}

test('a snapshot is an orphan after the grace, and no longer when it has a content', async () => {
  const { contents, clock, snapshot, list, listed } = await withSnapshot();
  clock.now -= 1;
  expect(await listed()).toEqual([]);
  clock.now += 1;
  expect((await list()).orphans).toMatchObject([{ id: snapshot.id, node: 'a', name: 'snapshot-1', role: 'snapshot' }]);
  contents.known?.add(snapshot.id);
  expect(await listed()).toEqual([]);
  contents.known?.delete(snapshot.id);
  expect(await listed()).toEqual([]);
});

test('a snapshot is no orphan while a content of its volume has no snapshot yet, and while it is cut off', async () => {
  const { contents, storages, clock, id, snapshot, listed } = await withSnapshot();
  contents.known = new Set([id]);
  expect(await listed()).toEqual([]);
  contents.known = new Set();
  storages.a.snapshots.all.set(snapshot.id, { ...snapshot, state: 'creating' });
  await listed();
  clock.now += 10 * minute;
  expect(await listed()).toEqual([]);
});

test('while it is not known what Kubernetes has of snapshots, volumes are listed alone, and the answer says so', async () => {
  const { contents, removal, snapshot, list } = await withSnapshot();
  contents.known = undefined;
  expect(await list()).toMatchObject({ orphans: [], snapshotsUnknown: true });
  await expect(removal.remove({ id: snapshot.id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.known = new Set();
  expect(await list()).toMatchObject({ orphans: [{ id: snapshot.id }], snapshotsUnknown: false });
});

test('without a watch of snapshots none is listed or deleted', async () => {
  const { fleet, claims, snapshot } = await withSnapshot();
  const orphans = new Orphans({ fleet, claims, grace: 0 });
  const removal = new OrphanRemoval({ orphans, fleet, claims });
  const answer = await createOrphanService(orphans, removal).listOrphans({}, { signal: never } as never);
  expect(answer).toMatchObject({ orphans: [], snapshotsUnknown: false });
  const message = expect.stringContaining('kubernetes.snapshots');
  await expect(removal.remove({ id: snapshot.id }, never)).rejects.toMatchObject({ kind: 'precondition', message });
});

test('an orphaned snapshot is deleted by a person, after a new read', async () => {
  const { contents, storages, cutOff, removal, snapshot, listed } = await withSnapshot();
  const { id } = snapshot;
  contents.truth = new Set([id]);
  const message = expect.stringContaining('has a VolumeSnapshotContent by now');
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'precondition', message });
  contents.truth = undefined;
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.truth = new Set();
  cutOff.add('a');
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  cutOff.delete('a');
  await expect(removal.remove({ id, node: 'b' }, never)).rejects.toMatchObject({ kind: 'precondition' });
  await expect(removal.retain({ id }, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(storages.a.snapshots.all.has(id)).toBe(true);
  await removal.remove({ id }, never);
  expect(storages.a.snapshots.all.size).toBe(0);
  expect(await listed()).toEqual([]);
});

/** A group snapshot of two volumes, both members orphans. */
async function withGroup() {
  const begun = await withSnapshot();
  const { storages, claims, clock, orphans, id, removal } = begun;
  const second = await storages.a.create(specOf('pvc-2'), never);
  claims.known?.add(second.id);
  const group = await storages.a.groupSnapshots.take({ name: 'group-1', sources: [id, second.id] });
  await orphans.look();
  clock.now += 10 * minute;
  const members = group.members.map((one) => one.id) as [SnapshotId, SnapshotId];
  const removed = (one: string, node?: string) => removal.remove({ id: one, node }, never);
  return { ...begun, group, members, removed };
}

test('a member of a group snapshot is listed with it, and not deleted alone', async () => {
  const { storages, group, members, list, removed } = await withGroup();
  const listed = (await list()).orphans?.filter((one) => one.group === group.id).map(({ id }) => id);
  expect(listed).toEqual(members);
  const message = expect.stringContaining(`quarry orphans delete ${group.id}`);
  await expect(removed(members[0])).rejects.toMatchObject({ kind: 'precondition', message });
  expect(members.every((id) => storages.a.snapshots.all.has(id))).toBe(true);
});

test('a group snapshot is deleted whole if all of its members are orphans', async () => {
  const { storages, group, members, snapshot, listed, removed } = await withGroup();
  await expect(removed(group.id, 'b')).rejects.toMatchObject({ kind: 'precondition' });
  await removed(group.id, 'a');
  expect([...storages.a.snapshots.all.keys()]).toEqual([snapshot.id]);
  expect(await listed()).toEqual([snapshot.id]);
  for (const id of [group.id, members[0]])
    await expect(removed(id)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringMatching(/none of/),
    });
});

test('a group snapshot is not deleted while one member has a content, is unknown, or its node is away', async () => {
  const { storages, contents, cutOff, orphans, clock, group, members, removed } = await withGroup();
  const [first, second] = members;
  contents.known = new Set([first]);
  const message = expect.stringMatching(new RegExp(`no orphans: ${first}$`));
  await expect(removed(group.id)).rejects.toMatchObject({ kind: 'precondition', message });
  contents.known = undefined;
  await expect(removed(group.id)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.known = new Set();
  await orphans.look();
  clock.now += 10 * minute;
  contents.truth = new Set([second]);
  await expect(removed(group.id)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining(`${second} has a VolumeSnapshotContent by now`),
  });
  contents.truth = undefined;
  await expect(removed(group.id)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.truth = new Set();
  cutOff.add('a');
  await expect(removed(group.id)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(members.every((id) => storages.a.snapshots.all.has(id))).toBe(true);
});

test('the members that a deletion has left are orphans that are deleted by the same command', async () => {
  const { storages, group, members, removed, snapshot } = await withGroup();
  storages.a.snapshots.all.delete(members[0]);
  await removed(group.id);
  expect([...storages.a.snapshots.all.keys()]).toEqual([snapshot.id]);
});

test('the snapshots of a forgotten node are forgotten', async () => {
  const { fleet, members, storages, listed, snapshot } = await withSnapshot();
  const [member] = members;
  expect(await listed()).toEqual([snapshot.id]);
  fleet.forget(storages.a.node);
  expect(await listed()).toEqual([]);
  if (member) members.push(member);
  expect(await listed()).toEqual([]);
});

test('the orphaned snapshots of a node get an event of their own', async () => {
  const { orphans, clock, storages, id } = await withSnapshot();
  const sent: WarningEvent[] = [];
  const latest = () => orphans.snapshots() as readonly Orphan<Snapshot>[];
  const send = async (event: WarningEvent) => void sent.push(event);
  const events = new OrphanEvents({ kind: 'snapshots', latest, events: { send }, now: () => clock.now });
  const look = async () => {
    await orphans.look();
    await events.look(never);
  };
  for (let turn = 0; turn < 3; turn += 1) await look();
  const reason = 'OrphanedSnapshots';
  const text = (count: string) =>
    expect.stringMatching(new RegExp(`^${count} of \\S+ MiB in all (is|are) in no VolumeSnapshotContent: .*delete$`));
  expect(sent).toMatchObject([{ subject: { kind: 'Node', name: 'a' }, reason, message: text('1 snapshot') }]);
  await storages.a.snapshots.take({ name: 'snapshot-2', source: id });
  await look();
  clock.now += 60 * minute;
  await look();
  expect(sent.slice(1)).toMatchObject([{ reason, message: text('2 snapshots') }]);
  expect(orphans.latest()).toEqual([]);
});
