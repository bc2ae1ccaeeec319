import { beforeEach, describe, expect, test, vi } from 'vitest';
import { endingRunner } from '../block/ending-runner.ts';
import { encryptionFrom } from '../../../src/domain/encryption.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { Erasure } from '../../../src/domain/erasure.ts';
import type { SnapshotId } from '../../../src/domain/ids.ts';
import type { PoolSpec } from '../../../src/domain/pool.ts';
import { createDiscardRange } from '../../../src/lvm/copies/copy-range.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { type ErasedRange, fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const size = 160n * MiB;
let lvm: FakeLvm;
beforeEach(() => {
  lvm = new FakeLvm();
});

type DuringErasure = (range: ErasedRange, signal: AbortSignal) => Promise<void>;

/** A driver over the LVM, with its jobs. */
async function start(
  duringErasure: DuringErasure = async () => undefined,
  pool: PoolSpec = spec,
  duringKeys = async (_step: 'destroy' | 'verify', _device: string): Promise<void> => undefined,
) {
  const erased: ErasedRange[] = [];
  const parts = fakeStorage({
    lvm,
    pool,
    duringKeys,
    duringErasure(range, stopped) {
      erased.push(range);
      return duringErasure(range, stopped);
    },
  });
  const bounds = { total: 9, creation: 4, copy: 4, erase: 4, repair: 4, evacuation: 1 };
  const jobs = endingRunner({ sources: [parts.storage.erasures], bounds, log: memoryLog().log });
  await parts.cache.refresh();
  const run = async (): Promise<void> => {
    await parts.cache.refresh();
    jobs.look();
  };
  return { ...parts, jobs, erased, run };
}

const classed = (erase: Erasure | undefined, name = 'a') => ({ ...volume(name, size), erase });
const lvs = () => [...lvm.volumes.keys()];
const tagsOf = (lv: string) => [...(lvm.volumes.get(lv)?.tags ?? [])].toSorted();
const hang: DuringErasure = (_range, stopped) =>
  new Promise((_resolve, reject) => stopped.addEventListener('abort', () => reject(new Error('killed'))));

describe.each(['zero', 'discard'] as const)('a deleted volume of a class with erase "%s"', (erase) => {
  const remains = `q-${erase}-a`;

  test('is no volume any more, its space stays used, and a job erases and removes it', async () => {
    const { storage, erased, run, jobs } = await start();
    expect(await storage.create(classed(erase), signal)).toMatchObject({ erase });
    await storage.remove(idOf('a'), signal);
    expect(storage.inventory().volumes.size).toBe(0);
    expect(storage.inventory().pools.get('fast' as never)?.free).toBe(lvm.size - size);
    expect(lvs()).toEqual([remains]);
    await run();
    await vi.waitFor(() => expect(lvs()).toEqual([]));
    expect(erased.map((range) => [range.erasure, range.to, range.offset, range.size, range.from])).toEqual([
      [erase, `/dev/mapper/vg-q--${erase}--a`, 0n, 64n * MiB, undefined],
      [erase, `/dev/mapper/vg-q--${erase}--a`, 64n * MiB, 64n * MiB, undefined],
      [erase, `/dev/mapper/vg-q--${erase}--a`, 128n * MiB, 32n * MiB, undefined],
    ]);
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(storage.inventory().pools.get('fast' as never)?.free).toBe(lvm.size);
  });

  test('leaves its name to a new volume while it is erased, and deletions of it succeed', async () => {
    const { storage, run, jobs } = await start(hang);
    await storage.create(classed(erase), signal);
    await storage.remove(idOf('a'), signal);
    await run();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ kind: 'erase', state: 'running', volume: idOf('a') }]));
    await storage.remove(idOf('a'), signal);
    expect(await storage.create(classed(erase), signal)).toMatchObject({ state: 'ready' });
    expect(lvs()).toEqual([remains, 'a']);
    expect(tagsOf(remains)).toEqual(['quarry.for=node-1:a', 'quarry.role=erase', 'quarry.v=1']);
    await jobs.stop(1000);
  });

  test('is erased by the next driver from where the last one was ended', async () => {
    const first = await start((range, stopped) => (range.offset === 0n ? Promise.resolve() : hang(range, stopped)));
    await first.storage.create(classed(erase), signal);
    await first.storage.remove(idOf('a'), signal);
    await first.run();
    await vi.waitFor(() => expect(tagsOf(remains)).toContain(`quarry.erased=${64n * MiB}`));
    await first.jobs.stop(1000);
    const { run, erased } = await start();
    await run();
    await vi.waitFor(() => expect(lvs()).toEqual([]));
    expect(erased.map(({ offset }) => offset)).toEqual([64n * MiB, 128n * MiB]);
  });

  test('is no volume even if the driver ends right after the renaming', async () => {
    const first = await start();
    await first.storage.create(classed(erase), signal);
    await first.storage.remove(idOf('a'), signal);
    // The renaming changes no tags.
    expect(tagsOf(remains)).toContain('quarry.id=node-1:a');
    const { storage, run } = await start();
    expect(storage.inventory().volumes.size).toBe(0);
    expect(await storage.find(idOf('a'), signal)).toBeUndefined();
    expect(await storage.create(classed(erase), signal)).toMatchObject({ id: idOf('a') });
    await run();
    await vi.waitFor(() => expect(lvs()).toEqual(['a']));
  });
});

test('the room of a thick snapshot is erased as its volume is, and its volume can be deleted meanwhile', async () => {
  const { storage, erased, run } = await start();
  await storage.create(classed('zero'), signal);
  const { room } = await storage.snapshots.take({ name: 'snapshot-1', source: idOf('a') }, signal);
  await storage.snapshots.remove('node-1:snap-1' as SnapshotId, signal);
  expect(storage.inventory().snapshots.size).toBe(0);
  await storage.remove(idOf('a'), signal);
  expect(lvs()).toEqual(['q-zero-snap1', 'q-zero-a']);
  await run();
  await vi.waitFor(() => expect(lvs()).toEqual([]));
  expect(erased.filter(({ to }) => to.endsWith('snap1')).reduce((sum, range) => sum + range.size, 0n)).toBe(room);
});

describe('a deleted volume of a class with erase "cryptographic"', () => {
  const encryption = encryptionFrom({ encryption: 'luks2' });

  test('loses its keys, then its header, which is read again, and is removed only then', async () => {
    const steps: string[] = [];
    const keys = async (step: string, device: string): Promise<void> => {
      steps.push(`${step} ${device}`);
      if (step === 'verify') throw new Error('the header is not zero');
    };
    const { storage, erased, run, jobs } = await start(undefined, spec, keys);
    await storage.create({ ...classed('cryptographic'), encryption }, signal);
    await storage.remove(idOf('a'), signal);
    expect(lvs()).toEqual(['q-keys-a']);
    await run();
    await vi.waitFor(() => expect(jobs.list()).toMatchObject([{ state: 'failed', reason: 'the header is not zero' }]));
    expect(lvs()).toEqual(['q-keys-a']);
    const device = '/dev/mapper/vg-q--keys--a';
    expect(steps).toEqual([`destroy ${device}`, `verify ${device}`]);
    expect(erased.map(({ to, offset, size: bytes }) => [to, offset, bytes])).toEqual([[device, 0n, 16n * MiB]]);
    await jobs.stop(1000);
    const next = await start();
    await next.run();
    await vi.waitFor(() => expect(lvs()).toEqual([]));
  });

  test('loses them also as a thin snapshot, which LVM activates only on demand', async () => {
    const { storage, run, jobs } = await start();
    await storage.create({ ...classed('cryptographic'), encryption }, signal);
    await storage.remove(idOf('a'), signal);
    Object.assign(lvm.volumes.get('q-keys-a') ?? {}, { row: { lv_attr: 'Vwi---tz-k', pool_lv: 'thinpool' } });
    await run();
    await vi.waitFor(() => expect(jobs.list()).toEqual([]));
    expect(lvs()).toEqual([]);
  });

  test('is erased whole where the pool asks for more, and the room of its snapshots always', async () => {
    const { storage } = await start(undefined, { ...spec, erase: 'zero' });
    await storage.create({ ...classed('cryptographic'), encryption }, signal);
    await storage.remove(idOf('a'), signal);
    expect(lvs()).toEqual(['q-zero-a']);
    lvm = new FakeLvm();
    const other = await start();
    await other.storage.create({ ...classed('cryptographic'), encryption }, signal);
    await other.storage.snapshots.take({ name: 'snapshot-1', source: idOf('a') }, signal);
    await other.storage.snapshots.remove('node-1:snap-1' as SnapshotId, signal);
    expect(lvs()).toContain('q-zero-snap1');
  });
});

test('a snapshot that was renamed and not yet split from its volume is split, and erased', async () => {
  const { storage, run } = await start();
  await storage.create(classed('zero'), signal);
  await storage.snapshots.take({ name: 'snapshot-1', source: idOf('a') }, signal);
  await lvm.change(['lvrename', 'vg', 'snap-1', 'q-zero-snap1']);
  await run();
  await vi.waitFor(() => expect(lvs()).toEqual(['a']));
});

test('a pool whose volumes are erased erases those of a class without it, and their snapshots', async () => {
  const { storage, cache, run } = await start(undefined, { ...spec, erase: 'discard' });
  await storage.create(classed(undefined), signal);
  await storage.create(classed('zero', 'b'), signal);
  await storage.snapshots.take({ name: 'snapshot-1', source: idOf('a') }, signal);
  await storage.snapshots.remove('node-1:snap-1' as SnapshotId, signal);
  await storage.remove(idOf('a'), signal);
  await storage.remove(idOf('b'), signal);
  expect(lvs()).toEqual(['q-discard-snap1', 'q-discard-a', 'q-zero-b']);
  await run();
  await vi.waitFor(() => expect(lvs()).toEqual([]));
  expect(cache.current().volumes.size).toBe(0);
});

test('a volume without erase is removed at once', async () => {
  const { storage, jobs } = await start();
  await storage.create(classed(undefined), signal);
  await storage.remove(idOf('a'), signal);
  expect(lvs()).toEqual([]);
  expect(jobs.list()).toEqual([]);
});

test('a volume that is not erased as well as asked for does not fit', async () => {
  const { storage } = await start();
  await storage.create(classed('discard'), signal);
  await expect(storage.create(classed('zero'), signal)).rejects.toMatchObject({
    kind: 'exists',
    message: expect.stringContaining('its erase is discard, not zero'),
  });
  expect(await storage.create(classed(undefined), signal)).toMatchObject({ erase: 'discard' });
});

test.each([
  [0, 'is flushed', []],
  [1, 'is written with zeros where the disk refuses it', ['zeros']],
])('a discard that ends with %i %s', async (exitCode, _what, expected) => {
  const [written, flushed]: string[][] = [[], []];
  const discard = createDiscardRange(
    async () => ({ exitCode, stdout: '', stderr: '', stdoutBytes: Buffer.of() }) as never,
    async () => void written?.push('zeros'),
    { flush: async (device) => void flushed?.push(device) },
  );
  await discard({ to: '/dev/x', offset: 0n, size: MiB, block: MiB, sparse: false }, signal);
  expect(written).toEqual(expected);
  expect(flushed).toEqual(exitCode === 0 ? ['/dev/x'] : []);
});
