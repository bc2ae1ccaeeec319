import { beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { encryptionFrom } from '../../../src/domain/encryption.ts';
import type { PodUid } from '../../../src/domain/pod-targets.ts';
import type { CopyRange } from '../../../src/lvm/copies/copy-range.ts';
import { FakeLvm, spec as plainPool } from './fake-lvm.ts';
import { fakeCopying, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 160n * MiB;
const zeroing = { ...plainPool, zeroOnCreate: true } as const;
const pod = { uid: 'uid-1' as PodUid, namespace: 'default', name: 'web' };
const encryption = encryptionFrom({ encryption: 'luks2' });
let lvm: FakeLvm;
beforeEach(() => {
  lvm = new FakeLvm();
});

const start = (duringCopy: CopyRange = async () => undefined, copyWait = 10_000, pool = zeroing as typeof plainPool) =>
  fakeCopying({ lvm, duringCopy, copyWait, pool });

const tagsOf = (lv: string) => [...(lvm.volumes.get(lv)?.tags ?? [])].filter((tag) => /state|copied/.test(tag));
const hang: CopyRange = (_range, stopped) =>
  new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('killed'))));

describe('a new thick volume of a pool with zeroOnCreate', () => {
  test('is handed out once all of it was written with zeros', async () => {
    const { storage, copied } = await start();
    expect(await storage.create(volume('new', size), signal)).toMatchObject({ state: 'ready', size });
    const zeros = { to: '/dev/mapper/vg-new', block: MiB, sparse: false };
    expect(copied).toEqual([
      { ...zeros, offset: 0n, size: 64n * MiB },
      { ...zeros, offset: 64n * MiB, size: 64n * MiB },
      { ...zeros, offset: 128n * MiB, size: 32n * MiB },
    ]);
    expect(tagsOf('new')).toEqual([]);
  });

  test('is busy until then, and the next driver goes on where the zeros end', async () => {
    const first = await start((range, stopped) => (range.offset === 0n ? Promise.resolve() : hang(range, stopped)), 0);
    await expect(first.storage.create(volume('new', size), signal)).rejects.toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('is being written with zeros'),
    });
    await vi.waitFor(() => expect(tagsOf('new')).toEqual(['quarry.state=copying', `quarry.copied=${64n * MiB}`]));
    await expect(first.storage.activate(idOf('new'), signal)).rejects.toMatchObject({ kind: 'busy' });
    await first.jobs.stop(1000);
    const { storage, copied } = await start();
    expect(await storage.create(volume('new', size), signal)).toMatchObject({ state: 'ready' });
    expect(copied.map(({ offset }) => offset)).toEqual([64n * MiB, 128n * MiB]);
  });

  test('is written with zeros also if its creation was cut off before', async () => {
    const before = await start(undefined, 10_000, plainPool);
    await before.storage.create(volume('new', size), signal);
    lvm.volumes.get('new')?.tags.add('quarry.state=creating');
    const { storage, copied, cache } = await start(hang, 0);
    await cache.refresh();
    await expect(storage.activate(idOf('new'), signal)).rejects.toMatchObject({ kind: 'busy' });
    expect(tagsOf('new')).toEqual(['quarry.state=copying']);
    await expect(storage.create(volume('new', size), signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(copied).toHaveLength(1));
  });

  test('is removed while it is written with zeros', async () => {
    const { storage, jobs } = await start(hang, 0);
    await expect(storage.create(volume('new', size), signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ kind: 'copy', state: 'running' }]));
    await storage.remove(idOf('new'), signal);
    expect([...lvm.volumes.keys()]).toEqual([]);
  });

  test('that is larger than its source has zeros after the content of that', async () => {
    const { storage, copied } = await start();
    await storage.create(volume('origin', 64n * MiB), signal);
    copied.length = 0;
    const larger = { ...volume('copy', 96n * MiB), source: { volume: idOf('origin') } };
    expect(await storage.create(larger, signal)).toMatchObject({ state: 'ready', size: 96n * MiB });
    expect(copied.map((part) => ['from' in part, part.offset, part.size])).toEqual([
      [true, 0n, 64n * MiB],
      [false, 64n * MiB, 32n * MiB],
    ]);
  });
});

test.each([
  ['in another pool', plainPool, {}],
  ['that is encrypted', zeroing, { encryption }],
  ['that is inline', zeroing, { inline: { pod, target: '/target' } }],
])('a new volume %s is not written with zeros', async (_which, pool, over) => {
  const { storage, copied } = await start(undefined, 10_000, pool);
  expect(await storage.create({ ...volume('new', size), ...over }, signal)).toMatchObject({ state: 'ready' });
  expect(copied).toEqual([]);
});

describe('the growth of a volume in a pool with zeroOnCreate', () => {
  const grow = async (use: 'block' | 'ext4' | undefined, over: object = {}) => {
    const { storage } = await start();
    await storage.create({ ...volume('new', 8n * MiB), ...over }, signal);
    if (use) await storage.recordUse(idOf('new'), use);
    return storage.expand(idOf('new'), { required: 16n * MiB }, signal);
  };

  test.each([['block'], [undefined]] as const)('is refused if its user could read the new room: %s', async (use) => {
    await expect(grow(use)).rejects.toMatchObject({
      kind: 'precondition',
      message: expect.stringContaining('zeroOnCreate'),
    });
    expect(lvm.volumes.get('new')?.size).toBe(8n * MiB);
  });

  test('is done if it has a filesystem or is encrypted', async () => {
    expect(await grow('ext4')).toMatchObject({ size: 16n * MiB });
    lvm.volumes.clear();
    expect((await grow(undefined, { encryption })).size).toBeGreaterThan(16n * MiB);
  });
});
