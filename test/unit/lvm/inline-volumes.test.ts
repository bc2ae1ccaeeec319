import { beforeEach, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import { parseInlineHandle } from '../../../src/domain/ids.ts';
import { parseInlineAttributes } from '../../../src/domain/inline.ts';
import type { InlineVolumes, InlineWish } from '../../../src/domain/storage.ts';
import { createInlineVolumes } from '../../../src/lvm/inline-volumes.ts';
import type { LocalStorage } from '../../../src/lvm/storage.ts';
import { failure } from '../node/calls.ts';
import type { FakeLvm } from './fake-lvm.ts';
import { fakeStorage, volume } from './fake-storage.ts';

const { signal } = new AbortController();
const handle = parseInlineHandle(`csi-${'ab'.repeat(32)}`) as InlineWish['handle'];
const target = '/kubelet/pods/u-1/volumes/kubernetes.io~csi/scratch/mount';
const pod = { uid: 'u-1', namespace: 'default', name: 'worker' };

function wish(attributes: Readonly<Record<string, string>> = {}, over: Partial<InlineWish> = {}): InlineWish {
  const { parameters, size } = parseInlineAttributes({ size: '8Mi', ...attributes });
  return { handle, parameters, size: { required: size ?? 0n }, inline: { pod, target }, ...over };
}

let lvm: FakeLvm;
let storage: LocalStorage;
let inline: InlineVolumes;
let wiped: string[];
let refresh: () => Promise<unknown>;
beforeEach(async () => {
  const fake = fakeStorage();
  ({ lvm, storage, wiped } = fake);
  refresh = () => fake.cache.refresh();
  await refresh();
  inline = createInlineVolumes(storage, {});
});

test('is in LVM with its role, pod and target, so that another process finds it there', async () => {
  const { id } = await inline.create(wish({ writeIops: '50' }), signal);
  expect(id).toBe(inline.idOf(handle));
  const [, { tags } = { tags: new Set() }] = [...lvm.volumes][0] ?? [];
  expect([...tags]).toEqual(expect.arrayContaining(['quarry.role=inline', 'quarry.pod=u-1/default/worker']));
  await refresh();
  const role = 'inline' as const;
  const state = 'ready';
  expect(inline.list()).toMatchObject([{ id, role, state, size: 8n * MiB, name: handle, inline: { pod, target } }]);
});

test('is made once, and not for another pod', async () => {
  const first = await inline.create(wish(), signal);
  expect((await inline.create(wish(), signal)).id).toBe(first.id);
  expect(lvm.volumes.size).toBe(1);
  const other = wish({}, { inline: { target, pod: { ...pod, uid: 'u-2' } } });
  expect(await failure('exists', inline.create(other, signal))).toContain('belongs to pod default/worker (u-1)');
});

test('is wiped by the next publish if the creation was cut off', async () => {
  lvm.beforeAnswer = async (argv) => {
    if (argv[0] === 'lvchange') throw new Failure('unavailable', 'died');
  };
  await failure('unavailable', inline.create(wish(), signal));
  lvm.beforeAnswer = async () => undefined;
  await refresh();
  expect(inline.list()).toMatchObject([{ state: 'creating' }]);
  expect(await inline.create(wish(), signal)).toMatchObject({ state: 'ready' });
  expect(wiped).toHaveLength(1);
});

test('is erased as its attribute says, and until then its content is on the disk', async () => {
  const { id } = await inline.create(wish({ erase: 'zero', type: 'thick' }), signal);
  const lvs = () => [...lvm.volumes.values()].map(({ tags }) => [...tags].join());
  expect(lvs()).toEqual([expect.stringContaining('quarry.erase=zero')]);
  await inline.remove(id, signal);
  await inline.remove(id, signal);
  expect(lvs()).toHaveLength(1);
  await refresh();
  expect(inline.list()).toEqual([]);
});

test('counts in the capacity of its pool, and is gone from it after the removal', async () => {
  const free = () => [...storage.inventory().pools.values()][0]?.free ?? 0n;
  const before = free();
  const { id } = await inline.create(wish(), signal);
  expect(before - free()).toBe(8n * MiB);
  await inline.remove(id, signal);
  await inline.remove(id, signal);
  expect(free()).toBe(before);
  expect(lvm.volumes.size).toBe(0);
});

test('is opened for its pod, and refused to the calls for persistent volumes', async () => {
  const { id } = await inline.create(wish(), signal);
  expect((await storage.activate(id, signal)).volume.role).toBe('inline');
  for (const call of [
    () => storage.remove(id, signal),
    () => storage.expand(id, { required: 16n * MiB }, signal),
    () => storage.create(volume(handle), signal),
    () => storage.snapshots.take({ name: 's', source: id }, signal),
  ]) {
    expect(await failure('precondition', call())).toContain('belongs to a pod');
  }
  expect(lvm.volumes.size).toBe(1);
});

test('does not remove a persistent volume', async () => {
  const { id } = await storage.create(volume('pvc-1'), signal);
  expect(await failure('precondition', inline.remove(id, signal))).toContain('no inline volume');
  expect(lvm.volumes.size).toBe(1);
});

test('is refused with the reason where its pool cannot have it', async () => {
  expect(await failure('exhausted', inline.create(wish({ pool: 'other' }), signal))).toContain('has no pool other');
  expect(await failure('invalid', inline.create(wish({ type: 'thin' }), signal))).toContain('has no thin pool');
  expect(await failure('exhausted', inline.create(wish({ size: '1Ti' }), signal))).toMatch(/of \d+ bytes at most/);
});

test("is refused beyond an administrator's bounds, also for the default size", async () => {
  const bounded = createInlineVolumes(storage, { pools: [], maxSize: 16n * MiB });
  expect(await failure('invalid', bounded.create(wish(), signal))).toContain('pools that do: none');
  const small = createInlineVolumes(storage, { maxSize: 16n * MiB });
  expect(await failure('exhausted', small.create(wish({ size: '20Mi' }), signal))).toContain('16777216 bytes at most');
  const unsized = wish({}, { size: { required: 0n } });
  expect(await failure('exhausted', small.create(unsized, signal))).toContain('1073741824 were asked for');
  expect(await small.create(wish({ size: '16Mi' }), signal)).toMatchObject({ size: 16n * MiB });
});

test('is encrypted where the pod asks for it, with a header on top of its size', async () => {
  await inline.create(wish({ encryption: 'luks2' }), signal);
  const [, made = { size: 0n, tags: new Set() }] = [...lvm.volumes][0] ?? [];
  expect(made.size).toBe(24n * MiB);
  expect([...made.tags]).toEqual(
    expect.arrayContaining(['quarry.fs=luks-none', expect.stringMatching(/^quarry.encryption=luks2\/.*\/4194304\//)]),
  );
  expect(() => wish({ encryption: 'luks2', encryptionMemory: '1Gi' })).toThrow('"encryptionMemory" is not offered');
});
