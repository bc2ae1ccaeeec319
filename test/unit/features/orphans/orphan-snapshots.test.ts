import { expect, test } from 'vitest';
import type { SnapshotId, VolumeId } from '../../../../src/domain/ids.ts';
import { Orphans } from '../../../../src/features/orphans/orphans.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import { begin, minute, never } from './harness.ts';

/** A snapshot of the volume, which has a PersistentVolume. */
async function withSnapshot() {
  const begun = await begin();
  const { storages, claims, orphans, clock } = begun;
  claims.known?.add(begun.id);
  const snapshot = await storages.a.snapshots.take({ name: 'snapshot-1', source: begun.id });
  await orphans.look();
  clock.now += 10 * minute;
  const list = () => createOrphanService(orphans, () => clock.now).listOrphans({}, { signal: never } as never);
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
  const { contents, orphans, snapshot, list } = await withSnapshot();
  contents.known = undefined;
  expect(await list()).toMatchObject({ orphans: [], snapshotsUnknown: true });
  await expect(orphans.remove({ id: snapshot.id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.known = new Set();
  expect(await list()).toMatchObject({ orphans: [{ id: snapshot.id }], snapshotsUnknown: false });
});

test('without a watch of snapshots none is listed or deleted', async () => {
  const { fleet, claims, snapshot } = await withSnapshot();
  const orphans = new Orphans({ fleet, claims, grace: 0 });
  const answer = await createOrphanService(orphans).listOrphans({}, { signal: never } as never);
  expect(answer).toMatchObject({ orphans: [], snapshotsUnknown: false });
  const message = expect.stringContaining('kubernetes.snapshots');
  await expect(orphans.remove({ id: snapshot.id }, never)).rejects.toMatchObject({ kind: 'precondition', message });
});

test('an orphaned snapshot is deleted by a person, after a new read', async () => {
  const { contents, storages, cutOff, orphans, snapshot, listed } = await withSnapshot();
  const { id } = snapshot;
  contents.truth = new Set([id]);
  const message = expect.stringContaining('has a VolumeSnapshotContent by now');
  await expect(orphans.remove({ id }, never)).rejects.toMatchObject({ kind: 'precondition', message });
  contents.truth = undefined;
  await expect(orphans.remove({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  contents.truth = new Set();
  cutOff.add('a');
  await expect(orphans.remove({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  cutOff.delete('a');
  await expect(orphans.remove({ id, node: 'b' }, never)).rejects.toMatchObject({ kind: 'precondition' });
  await expect(orphans.retain({ id }, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(storages.a.snapshots.all.has(id)).toBe(true);
  await orphans.remove({ id }, never);
  expect(storages.a.snapshots.all.size).toBe(0);
  expect(await listed()).toEqual([]);
});

test('a member of a group snapshot is listed, and not deleted alone', async () => {
  const { storages, orphans, id, clock, listed } = await withSnapshot();
  const group = await storages.a.groupSnapshots.take({ name: 'group-1', sources: [id] });
  const [member] = group.members.map((one) => one.id) as [SnapshotId];
  await listed();
  clock.now += 10 * minute;
  expect(await listed()).toContain(member);
  const message = expect.stringContaining(`is a member of group snapshot ${group.id}`);
  await expect(orphans.remove({ id: member }, never)).rejects.toMatchObject({ kind: 'precondition', message });
  expect(storages.a.snapshots.all.has(member)).toBe(true);
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

test('the metrics and events count volumes only', async () => {
  const { orphans, listed, snapshot } = await withSnapshot();
  expect(await listed()).toEqual([snapshot.id]);
  expect(orphans.latest()).toEqual([] satisfies VolumeId[]);
});
