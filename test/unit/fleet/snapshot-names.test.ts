import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { GroupSnapshotId, NodeName, PoolName } from '../../../src/domain/ids.ts';
import { noQos } from '../../../src/domain/qos.ts';
import { createGroupSnapshotsService, RemoteGroupSnapshots } from '../../../src/fleet/wire/group-snapshots.ts';
import { createSnapshotsService, readSnapshot } from '../../../src/fleet/wire/snapshots.ts';
import type { CallContext } from '../../../src/grpc/call.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

const node = 'a' as NodeName;
const { signal } = new AbortController();
const context = { signal } as CallContext;

test('a node takes no snapshot whose name its controllers refuse, and no group snapshot of no volumes', async () => {
  const storage = new MemoryStorage('a', [emptyPool(thickSpec('fast'), 1024n * MiB)]);
  const layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 } as const;
  const spec = {
    name: 'x',
    pool: 'fast' as PoolName,
    layout,
    size: { required: 64n * MiB },
    mkfsOptions: [],
    qos: noQos,
  };
  const { id } = await storage.create(spec, signal);
  const alone = createSnapshotsService(storage.snapshots);
  const together = createGroupSnapshotsService(storage.groupSnapshots);
  const long = 'x'.repeat(129);
  await expect(alone.takeSnapshot({ name: long, source: id, room: '' }, context)).rejects.toMatchObject({
    kind: 'invalid',
  });
  for (const request of [
    { name: long, sources: [id], room: '' },
    { name: 'group', sources: [], room: '' },
    { name: 'group', sources: [id], room: 'much' },
  ])
    await expect(together.takeGroupSnapshot(request, context)).rejects.toMatchObject({ kind: 'invalid' });
  expect(storage.snapshots.all.size).toBe(0);
  await alone.takeSnapshot({ name: 'x'.repeat(128), source: id, room: '' }, context);
  expect(storage.snapshots.all.size).toBe(1);
});

describe('a controller does not believe a node', () => {
  const place = { source: 'a:x', pool: 'fast', group: 'vg', lv: 'snap-1', size: '1024', room: '0' };
  const content = { filesystem: 'none', encryption: '', takenMs: '5', creating: false, overfull: false };
  const snapshot = { id: 'a:snap-1', name: 'one', ...place, ...content };
  const id = `a:group-${'0'.repeat(40)}` as GroupSnapshotId;
  const other = `a:group-${'1'.repeat(40)}`;
  const members = (of: string) => [{ ...snapshot, memberOf: of, members: 1 }];

  test('that shows a snapshot of another node, or a name that no call may have', () => {
    const read = (change: object) => () => readSnapshot({ ...snapshot, memberOf: '', members: 0, ...change }, node);
    expect(read({})()).toMatchObject({ id: 'a:snap-1', state: 'ready' });
    const refused = expect.objectContaining({ kind: 'invalid' });
    expect(read({ id: 'b:snap-1' })).toThrow(refused);
    expect(read({ id: 'snap-1' })).toThrow(refused);
    expect(read({ name: 'x'.repeat(129) })).toThrow(refused);
  });

  test.each([
    ['the group snapshot that was asked for', { id, members: members(id) }, undefined],
    ['another one', { id: other, members: members(other) }, 'is not what was asked for'],
    ['the members of another one', { id, members: members(other) }, 'is not what was asked for'],
    ['one without members', { id, members: [] }, 'is not what was asked for'],
  ])('that answers with %s', async (_, group, problem) => {
    const unusable: string[] = [];
    const remote = { node, unusable: (reason: string) => void unusable.push(reason) } as never;
    const calls = { findGroupSnapshot: async () => ({ group }) } as never;
    const found = new RemoteGroupSnapshots(remote, calls).find(id, signal);
    if (problem === undefined) {
      expect(await found).toMatchObject({ id, members: [{ id: 'a:snap-1' }] });
      expect(unusable).toEqual([]);
      return;
    }
    await expect(found).rejects.toMatchObject({ kind: 'unavailable' });
    expect(unusable).toEqual([expect.stringContaining(problem)]);
  });
});
