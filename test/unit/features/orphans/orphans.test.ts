import { expect, test } from 'vitest';
import type { Member } from '../../../../src/domain/fleet.ts';
import { type LvName, volumeIdFor } from '../../../../src/domain/ids.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { begin, minute, never, withOrphan } from './harness.ts';

test('a volume is an orphan after the grace, and no longer when it is claimed', async () => {
  const { clock, claims, orphans, ids, id } = await begin();
  await orphans.look();
  clock.now += 10 * minute - 1;
  expect(await ids()).toEqual([]);
  clock.now += 1;
  expect(await ids()).toEqual([id]);
  claims.known?.add(id);
  expect(await ids()).toEqual([]);
  claims.known?.delete(id);
  expect(await ids()).toEqual([]);
});

test('a look lets other work run after a few thousand volumes', async () => {
  const { storages, orphans, clock, id } = await begin();
  const [template] = [...storages.a.volumes.values()];
  if (!template) throw new Error('no volume');
  for (const storage of [storages.a, storages.b]) {
    for (let index = 0; index < 2000; index += 1) {
      const copy = volumeIdFor(storage.node, `copy-${index}` as LvName);
      storage.volumes.set(copy, { ...template, id: copy, node: storage.node });
    }
  }
  let turns = 0;
  let looking = true;
  const count = (): void => {
    turns += 1;
    if (looking) setImmediate(count);
  };
  setImmediate(count);
  await orphans.look();
  looking = false;
  expect(turns).toBeGreaterThanOrEqual(2);
  clock.now += 10 * minute;
  await orphans.look();
  expect(orphans.latest()).toHaveLength(4001);
  expect(orphans.latest()?.some(({ one }) => one.id === id)).toBe(true);
});

test('while it is not known what Kubernetes claims, nothing is an orphan', async () => {
  const { clock, claims, orphans } = await begin();
  claims.known = undefined;
  await orphans.look();
  clock.now += 60 * minute;
  await expect(orphans.list()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(orphans.latest()).toBeUndefined();
  claims.known = new Set();
  expect(await orphans.list()).toEqual([]);
});

test('an orphan that is retained stays, and is no longer shown', async () => {
  const { storages, removal, ids, id } = await withOrphan();
  await removal.retain({ id }, never);
  expect(storages.a.volumes.get(id)?.retained).toBe(true);
  expect(await ids()).toEqual([]);
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'precondition' });
});

test('a volume that is being copied is no orphan, however long that takes', async () => {
  const { storages, clock, ids, id } = await withOrphan();
  const volume = storages.a.volumes.get(id);
  if (!volume) throw new Error('no volume');
  storages.a.volumes.set(id, { ...volume, state: 'copying' });
  expect(await ids()).toEqual([]);
  storages.a.volumes.set(id, volume);
  clock.now += 10 * minute - 1;
  expect(await ids()).toEqual([]);
  clock.now += 10 * minute;
  expect(await ids()).toEqual([id]);
});

test('an orphan that is deleted is gone', async () => {
  const { storages, removal, ids, id } = await withOrphan();
  await removal.remove({ id }, never);
  expect(storages.a.volumes.size).toBe(0);
  expect(await ids()).toEqual([]);
});

/** The orphan was given to node b; node a has the record, and something left. */
async function withGiven() {
  const begun = await withOrphan();
  const { storages, id, clock, orphans } = begun;
  const volume = storages.a.volumes.get(id);
  if (!volume) throw new Error('no volume');
  storages.a.volumes.set(id, { ...volume, role: 'superseded' });
  storages.a.given.set(id, storages.b.node);
  storages.b.volumes.set(id, { ...volume, node: storages.b.node });
  await orphans.look();
  clock.now += 10 * minute;
  return begun;
}

test('an orphan that was given to another node is deleted with what the node of its birth has left', async () => {
  const { storages, removal, ids, id } = await withGiven();
  expect(await ids()).toEqual([id, id]);
  await expect(removal.remove({ id, node: 'a' }, never)).rejects.toMatchObject({ kind: 'elsewhere', node: 'b' });
  await removal.remove({ id, node: 'b' }, never);
  expect([storages.a.volumes.size, storages.a.given.size, storages.b.volumes.size]).toEqual([0, 0, 0]);
});

test('an orphan that was given to another node is not deleted while the node of its birth is disconnected', async () => {
  const { storages, cutOff, removal, id } = await withGiven();
  cutOff.add('a');
  await expect(removal.remove({ id, node: 'b' }, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('node a is disconnected'),
  });
  expect(storages.b.volumes.has(id)).toBe(true);
});

test('a volume that is not shown as an orphan is not changed', async () => {
  const { storages, removal } = await withOrphan();
  const { id } = await storages.b.create(specOf('pvc-2'), never);
  for (const text of [id, 'b:nothing', '', '../../etc']) {
    await expect(removal.remove({ id: text }, never)).rejects.toMatchObject({ kind: 'precondition' });
    await expect(removal.retain({ id: text }, never)).rejects.toMatchObject({ kind: 'precondition' });
  }
  expect(storages.b.volumes.get(id)?.retained).toBeUndefined();
});

test('an orphan is not deleted when a new read shows a claim, or when the read fails', async () => {
  const { storages, claims, removal, id } = await withOrphan();
  claims.truth = new Set([id]);
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/PersistentVolume/),
  });
  claims.truth = undefined;
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(storages.a.volumes.has(id)).toBe(true);
});

test('an orphan that was retained through another controller is not deleted', async () => {
  const { storages, removal, id } = await withOrphan();
  const find = storages.a.find.bind(storages.a);
  // The report is older than the node's answer.
  storages.a.find = async (...args) => {
    const found = await find(...args);
    return found && { ...found, retained: true };
  };
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(storages.a.volumes.has(id)).toBe(true);
});

test('an orphan of a disconnected node is shown, and is not changed', async () => {
  const { cutOff, removal, ids, id } = await withOrphan();
  cutOff.add('a');
  expect(await ids()).toEqual([id]);
  await expect(removal.remove({ id }, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/node a is disconnected/),
  });
  await expect(removal.retain({ id }, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('an orphan of a node that has not reported since it restarted stays one', async () => {
  const { storages, ids, id } = await withOrphan();
  storages.a.reported = false;
  expect(await ids()).toEqual([id]);
  storages.a.reported = true;
  expect(await ids()).toEqual([id]);
});

test('orphans of a forgotten node are forgotten: when the node comes back, the grace starts again', async () => {
  const { fleet, members, storages, clock, ids, id } = await withOrphan();
  const [member] = members;
  fleet.forget(storages.a.node);
  expect(await ids()).toEqual([]);
  members.push(member as Member);
  expect(await ids()).toEqual([]);
  clock.now += 10 * minute;
  expect(await ids()).toEqual([id]);
});
