import { expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { PoolName } from '../../../src/domain/ids.ts';
import { noQos } from '../../../src/domain/qos.ts';
import { createGroupSnapshotsService } from '../../../src/fleet/wire/group-snapshots.ts';
import { createSnapshotsService } from '../../../src/fleet/wire/snapshots.ts';
import type { CallContext } from '../../../src/grpc/call.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../support/memory-storage.ts';

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
