import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { CopyRange } from '../../../src/lvm/copies/copy-range.ts';
import { FakeLvm, spec as thickPool } from './fake-lvm.ts';
import { fakeCopying } from './fake-copying.ts';
import { idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 160n * MiB;
const block = 65_536n;
const id = 'node-1:snap-1' as SnapshotId;
let lvm: FakeLvm;
beforeEach(() => {
  lvm = new FakeLvm();
});

afterEach(() => void vi.useRealTimers());

/** A driver over the LVM, with its jobs. */
const start = (duringCopy: CopyRange = async () => undefined, copyWait = 10_000, pool = thickPool) =>
  fakeCopying({ lvm, duringCopy, copyWait, pool });

const fromSnapshot = { ...volume('copy', size), source: { snapshot: id } };
const fromVolume = { ...volume('copy', size), source: { volume: idOf('origin') } };
const tagsOf = (lv: string) => [...(lvm.volumes.get(lv)?.tags ?? [])].filter((tag) => /state|copied/.test(tag));
const hang: CopyRange = (_range, stopped) =>
  new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('killed'))));

/** A driver with a volume and a snapshot of it. */
async function withOrigin(duringCopy?: CopyRange, copyWait?: number) {
  const parts = await start(duringCopy, copyWait);
  await parts.storage.create(volume('origin', size), signal);
  await parts.storage.snapshots.take({ name: 'snapshot-1', source: idOf('origin') }, signal);
  return parts;
}

describe.each([
  ['a thick snapshot', fromSnapshot, '/dev/mapper/vg-snap--1'],
  ['a thick volume', fromVolume, expect.stringMatching(/^\/dev\/mapper\/vg-q--copy--/)],
])('a volume from %s', (_kind, spec, from) => {
  test('is there when all of it was copied, and nothing else is left', async () => {
    const { storage, copied, cache } = await withOrigin();
    const made = await storage.create(spec, signal);
    expect(made).toMatchObject({ state: 'ready', size, source: spec.source });
    expect(copied.map(({ offset }) => offset)).toEqual([0n, 64n * MiB, 128n * MiB]);
    expect(copied[2]).toEqual({
      from,
      to: '/dev/mapper/vg-copy',
      offset: 128n * MiB,
      size: 32n * MiB,
      block: MiB,
      sparse: false,
    });
    expect(tagsOf('copy')).toEqual([]);
    expect([...lvm.volumes.keys()]).toEqual(['origin', 'snap-1', 'copy']);
    await cache.refresh();
    expect(await storage.create(spec, signal)).toMatchObject({ state: 'ready' });
  });

  test('is not handed out while it is copied, and goes on where the next driver finds it', async () => {
    const first = await withOrigin(
      ({ offset }, stopped) => (offset === 0n ? Promise.resolve() : hang({} as never, stopped)),
      0,
    );
    await expect(first.storage.create(spec, signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(tagsOf('copy')).toEqual(['quarry.state=copying', `quarry.copied=${64n * MiB}`]));
    await expect(first.storage.activate(idOf('copy'), signal)).rejects.toMatchObject({ kind: 'busy' });
    await expect(first.storage.expand(idOf('copy'), { required: 2n * size }, signal)).rejects.toMatchObject({
      kind: 'busy',
    });
    await first.jobs.stop(1000);
    const { storage, copied } = await start();
    expect(await storage.create(spec, signal)).toMatchObject({ state: 'ready' });
    expect(copied.map(({ offset }) => offset)).toEqual([64n * MiB, 128n * MiB]);
  });

  test('ends when it is deleted', async () => {
    const signals: AbortSignal[] = [];
    const seen: CopyRange = (range, stopped) => {
      signals.push(stopped);
      return hang(range, stopped);
    };
    const { storage, jobs } = await withOrigin(seen, 0);
    await expect(storage.create(spec, signal)).rejects.toMatchObject({ kind: 'busy' });
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ kind: 'copy', state: 'running' }]));
    await storage.remove(idOf('copy'), signal);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect([...lvm.volumes.keys()]).toEqual(['origin', 'snap-1']);
    expect(jobs.list()).toEqual([]);
  });

  test('is given up if its source became overfull, even after the last byte', async () => {
    const { storage, lines } = await withOrigin(async ({ offset }) => {
      if (offset < 128n * MiB) return;
      for (const { row } of lvm.volumes.values()) if (row?.['origin']) row['lv_attr'] = 'sri-I-s---';
    });
    await expect(storage.create(spec, signal)).rejects.toMatchObject({ kind: 'busy' });
    expect([...lvm.volumes.keys()]).toEqual(['origin', 'snap-1']);
    expect(lines).toMatchObject([{ message: 'a copy was given up' }]);
  });
});

describe('a thick volume from a thin one', () => {
  const thinId = 'node-1:snap-thin' as SnapshotId;
  const contents = new Map([
    [1, 'a'],
    [2, 'b'],
  ]);
  const thin = { ...volume('copy', size), source: { volume: idOf('thin') } };

  /** A driver with a thin volume, and a snapshot of it. */
  async function withThin(duringCopy?: CopyRange) {
    const parts = await start(duringCopy, 10_000, {
      ...thickPool,
      type: 'thin',
      thin: { share: 50, overprovision: 3, refuseAt: 90 },
    });
    const row = { lv_attr: 'Vwi-a-tz--', pool_lv: 'thinpool', thin_id: '1' };
    const tagged = (...tags: string[]) => new Set(['v=1', 'fs=ext4', ...tags].map((one) => `quarry.${one}`));
    const pool = { lv_attr: 'twi-aotz--', thin_id: '' };
    const tags = tagged('role=volume', `id=${idOf('thin')}`, 'name=thin', 'layout=thin');
    const ofSnapshot = tagged('role=snapshot', `id=${thinId}`, 'name=snapshot-thin', `source=${idOf('thin')}`);
    lvm.volumes.set('thinpool', { size: 200n * MiB, tags: new Set(), row: pool });
    lvm.volumes.set('thin', { size, tags, row: { ...row } });
    lvm.volumes.set('snap-thin', { size, tags: ofSnapshot, row: { ...row } });
    parts.kernel.devices.set(1, contents);
    await parts.cache.refresh();
    return parts;
  }

  test.each([
    ['a volume', { volume: idOf('thin') }],
    ['a snapshot', { snapshot: thinId }],
  ])('has the blocks of %s, and zeros where that was never written', async (_kind, source) => {
    const { storage, copied, kernel } = await withThin();
    const made = await storage.create({ ...thin, source }, signal);
    expect(made).toMatchObject({ state: 'ready', size, source, filesystem: 'ext4' });
    const from = expect.stringMatching(/^\/dev\/mapper\/vg-q--copy--/);
    const to = '/dev/mapper/vg-copy';
    const part = { to, block: MiB, sparse: false };
    expect(copied.slice(0, 3)).toEqual([
      { ...part, offset: 0n, size: block },
      { ...part, from, offset: block, size: 2n * block },
      { ...part, offset: 3n * block, size: 64n * MiB - 3n * block },
    ]);
    expect(copied.slice(3).map((one) => 'from' in one)).toEqual([false, false]);
    expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'thin', 'snap-thin', 'copy']);
    expect(kernel.held).toBeUndefined();
  });

  test('does not need its source after it was begun', async () => {
    const { storage } = await withThin(async ({ offset }) => {
      if (offset > 0n) return;
      await storage.snapshots.remove(thinId, signal);
      await storage.remove(idOf('thin'), signal);
    });
    expect(await storage.create({ ...thin, source: { snapshot: thinId } }, signal)).toMatchObject({ state: 'ready' });
    expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'copy']);
  });

  test('leaves nothing if there is no room for it', async () => {
    const { storage } = await withThin();
    lvm.beforeAnswer = async (argv) => {
      if (argv[0] === 'lvcreate' && !argv.includes('-s'))
        lvm.volumes.set('other', { size: 700n * MiB, tags: new Set() });
    };
    await expect(storage.create(thin, signal)).rejects.toMatchObject({ kind: 'exhausted' });
    expect([...lvm.volumes.keys()]).toEqual(['thinpool', 'thin', 'snap-thin', 'other']);
  });
});

test('a snapshot that a volume is copied from is not removed', async () => {
  const { storage } = await withOrigin(hang, 0);
  await expect(storage.create(fromSnapshot, signal)).rejects.toMatchObject({ kind: 'busy' });
  await expect(storage.snapshots.remove(id, signal)).rejects.toMatchObject({ kind: 'precondition' });
  expect(lvm.volumes.has('snap-1')).toBe(true);
  await storage.remove(idOf('copy'), signal);
  await storage.snapshots.remove(id, signal);
});

test('the snapshot that a clone is copied from has the room of the class of its source', async () => {
  const { storage } = await start();
  await storage.create({ ...volume('origin', size), snapshotRoom: { percent: 50 } }, signal);
  await storage.create(fromVolume, signal);
  expect(lvm.commands.find((argv) => argv.includes('-s'))).toContain(`${size / 2n}b`);
});

test('the source of a copy that was cut off is removed', async () => {
  const { cache, jobs } = await withOrigin();
  const tags = new Set(['quarry.v=1', 'quarry.role=copy-source', `quarry.for=${idOf('copy')}`]);
  lvm.volumes.set('q-copy-1', { size: 8n * MiB, tags });
  await cache.refresh();
  jobs.look();
  await vi.waitFor(() => expect(lvm.volumes.has('q-copy-1')).toBe(false));
});

test('no volume is copied from an overfull snapshot', async () => {
  const { storage } = await withOrigin();
  // The report in memory still shows it as ready.
  Object.assign(lvm.volumes.get('snap-1')?.row ?? {}, { lv_attr: 'sri-I-s---' });
  await expect(storage.create(fromSnapshot, signal)).rejects.toMatchObject({ kind: 'invalid' });
});

test('the progress of a copy is recorded every two seconds', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const { storage } = await fakeCopying({ lvm, pace: {}, duringCopy: async () => void vi.advanceTimersByTime(1000) });
  await storage.create(volume('origin', size), signal);
  await storage.create(fromVolume, signal);
  const added = lvm.commands.flatMap((argv) => argv.filter((_, index) => argv[index - 1] === '--addtag'));
  expect(added.filter((tag) => tag.startsWith('quarry.copied='))).toEqual([`quarry.copied=${128n * MiB}`]);
});
