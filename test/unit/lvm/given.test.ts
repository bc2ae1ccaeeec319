import { beforeEach, describe, expect, test } from 'vitest';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import type { PassiveRole } from '../../../src/domain/volume.ts';
import { parseGiven } from '../../../src/lvm/given.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const other = 'node-2' as NodeName;
let made: ReturnType<typeof fakeStorage>;

beforeEach(async () => {
  made = fakeStorage();
  await made.cache.refresh();
  await made.storage.create(volume('a'), signal);
});

/** Sets a record by hand, as an administrator or a movement would. */
async function setRole(role: PassiveRole | 'volume', lv = 'a'): Promise<void> {
  const tags = made.lvm.volumes.get(lv)?.tags;
  for (const tag of tags ?? []) if (tag.startsWith('quarry.role=')) tags?.delete(tag);
  tags?.add(`quarry.role=${role}`);
  await made.cache.refresh();
}
async function give(id: VolumeId, to: string): Promise<void> {
  made.lvm.groupTags.add(`quarry.given=${id}/${to}`);
  await made.cache.refresh();
}
const calls = () => ({
  find: () => made.storage.find(idOf('a'), signal),
  create: () => made.storage.create(volume('a'), signal),
  remove: () => made.storage.remove(idOf('a'), signal),
  expand: () => made.storage.expand(idOf('a'), { required: 16n * 1024n * 1024n }, signal),
  modify: () => made.storage.modify(idOf('a'), { limits: {}, reservations: {} }, signal),
  retain: () => made.storage.retain(idOf('a'), signal),
  activate: () => made.storage.activate(idOf('a'), signal),
});
const names = ['find', 'create', 'remove', 'expand', 'modify', 'retain', 'activate'] as const;

describe('a volume that was given to another node', () => {
  test.each(names)('%s names the other node, with and without a remaining logical volume', async (name) => {
    await give(idOf('a'), other);
    const answer = { kind: 'elsewhere', node: other };
    await expect(calls()[name]()).rejects.toMatchObject(answer);
    made.lvm.volumes.delete('a');
    await made.cache.refresh();
    await expect(calls()[name]()).rejects.toMatchObject(answer);
    expect(made.storage.inventory().given).toEqual(new Map([[idOf('a'), other]]));
  });

  test('a deletion finds a record that is newer than the last report', async () => {
    made.lvm.groupTags.add(`quarry.given=${idOf('a')}/${other}`);
    await expect(calls().remove()).rejects.toMatchObject({ kind: 'elsewhere', node: other });
    expect(made.lvm.volumes.has('a')).toBe(true);
  });

  test('a deletion removes logical volume and record only if the volume is gone from the node in the record', async () => {
    await setRole('superseded');
    await give(idOf('a'), other);
    await expect(made.storage.remove(idOf('a'), signal, 'node-3' as NodeName)).rejects.toMatchObject({ node: other });
    expect(made.lvm.volumes.has('a')).toBe(true);
    await made.storage.remove(idOf('a'), signal, other);
    expect([made.lvm.volumes.size, made.lvm.groupTags.size]).toEqual([0, 0]);
    expect(made.storage.inventory().given.size).toBe(0);
    await made.storage.remove(idOf('a'), signal, other);
    await expect(calls().find()).resolves.toBeUndefined();
  });

  test('refuses a volume with contradicting records', async () => {
    await give(idOf('a'), other);
    await give(idOf('a'), 'node-3');
    await expect(calls().find()).rejects.toMatchObject({ kind: 'precondition' });
    await expect(calls().remove()).rejects.toMatchObject({ kind: 'precondition' });
  });

  test('ignores records of volumes that were born elsewhere, and records that name this node', async () => {
    await give('node-3:a' as VolumeId, other);
    await give(idOf('a'), 'node-1');
    await expect(calls().find()).resolves.toMatchObject({ id: idOf('a'), node: 'node-1' });
    expect(made.storage.inventory().given.size).toBe(0);
    await made.storage.remove(idOf('a'), signal);
    expect(made.lvm.volumes.has('a')).toBe(false);
  });
});

describe('a logical volume with a passive role', () => {
  const passive: PassiveRole[] = ['arriving', 'leaving', 'superseded', 'replica'];

  test.each(passive)('reports a volume with the role %s, and does not use it', async (role) => {
    await setRole(role);
    await expect(calls().find()).resolves.toMatchObject({ role });
    const refused = { kind: 'unavailable', message: expect.stringContaining(role) };
    for (const name of ['create', 'expand', 'modify', 'activate'] as const) {
      await expect(calls()[name]()).rejects.toMatchObject(refused);
    }
  });

  test.each(passive)('refuses to delete a volume with the role %s, unless it is leaving', async (role) => {
    await setRole(role);
    if (role === 'leaving') await calls().remove();
    else await expect(calls().remove()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(made.lvm.volumes.has('a')).toBe(role !== 'leaving');
  });

  test('a deletion finds a role that is newer than the last report', async () => {
    const tags = made.lvm.volumes.get('a')?.tags;
    tags?.delete('quarry.role=volume');
    tags?.add('quarry.role=superseded');
    await expect(calls().remove()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(made.lvm.volumes.has('a')).toBe(true);
  });

  test('serves and deletes a volume that was born on another node', async () => {
    const tags = made.lvm.volumes.get('a')?.tags;
    tags?.delete('quarry.id=node-1:a');
    tags?.add('quarry.id=node-2:a');
    await made.cache.refresh();
    const id = 'node-2:a' as VolumeId;
    await expect(made.storage.find(id, signal)).resolves.toMatchObject({ id, node: 'node-1' });
    await made.storage.remove(id, signal);
    expect(made.lvm.volumes.size).toBe(0);
  });
});

test('reads only records that name a volume and a node', () => {
  const tags = [
    'quarry.given=a:x+2b1/b.c',
    'quarry.given=a:x',
    'quarry.given=a:x/',
    'quarry.given=a:/b',
    'given=a:y/b',
  ];
  expect(parseGiven(tags.join(','))).toEqual([{ id: 'a:x+1', to: 'b.c' }]);
});
