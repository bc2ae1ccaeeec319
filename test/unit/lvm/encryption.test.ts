import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { type Luks2, usableSize } from '../../../src/domain/encryption.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import { failure } from '../node/calls.ts';
import { fakeStorage, idOf, volume } from './fake-storage.ts';

const { signal } = new AbortController();
let made: ReturnType<typeof fakeStorage>;
beforeEach(async () => {
  made = fakeStorage();
  await made.cache.refresh();
});

const encryption: Luks2 = {
  type: 'luks2',
  cipher: 'aes-xts-plain64',
  keySize: 512,
  memory: 64n * MiB,
  options: ['discard'],
};
const spec = (name: string, over: Partial<VolumeSpec> = {}): VolumeSpec => ({ ...volume(name), encryption, ...over });
const tagsOf = (name: string) => [...(made.lvm.volumes.get(name)?.tags ?? [])];
const record = 'quarry.encryption=luks2/aes-xts-plain64/512/67108864/discard';

test('an encrypted volume has room for its header on top of its size, and a tag that no earlier version formats', async () => {
  const created = await made.storage.create(spec('a'), signal);
  expect(created).toMatchObject({ size: 24n * MiB, encryption, headerless: true, filesystem: 'none' });
  expect(usableSize(created)).toBe(8n * MiB);
  expect(made.lvm.volumes.get('a')?.size).toBe(24n * MiB);
  expect(tagsOf('a')).toEqual(expect.arrayContaining([record, 'quarry.fs=luks-none']));
  await made.cache.refresh();
  expect(await made.storage.find(idOf('a'), signal)).toMatchObject({ encryption, headerless: true });
  expect(await made.storage.create(spec('a'), signal)).toMatchObject({ id: idOf('a') });
  expect(await failure('exists', made.storage.create(volume('a'), signal))).toContain('it is encrypted');
});

test('the record of its header is one change, and the volume is one without filesystem then', async () => {
  await made.storage.create(spec('a'), signal);
  await made.storage.recordHeader(idOf('a'));
  expect(tagsOf('a')).toEqual(expect.arrayContaining([record, 'quarry.fs=none']));
  await made.cache.refresh();
  const found = await made.storage.find(idOf('a'), signal);
  expect(found).toMatchObject({ encryption, filesystem: 'none' });
  expect(found?.headerless).toBeUndefined();
  await made.storage.recordUse(idOf('a'), 'ext4');
  expect(tagsOf('a')).toContain('quarry.fs=ext4');
});

test('the record of an exchanged passphrase replaces the one before', async () => {
  await made.storage.create(spec('a'), signal);
  await made.storage.recordRotation(idOf('a'), 1000);
  await made.cache.refresh();
  await made.storage.recordRotation(idOf('a'), 2000);
  expect(tagsOf('a').filter((text) => text.startsWith('quarry.rotated'))).toEqual(['quarry.rotated=2000']);
  await made.cache.refresh();
  expect(await made.storage.find(idOf('a'), signal)).toMatchObject({ rotated: 2000 });
});

test('grows by what its user asks for, and is refused beyond the limit', async () => {
  await made.storage.create(spec('a'), signal);
  const grown = await made.storage.expand(idOf('a'), { required: 16n * MiB, limit: 16n * MiB }, signal);
  expect(usableSize(grown)).toBe(16n * MiB);
  const less = made.storage.expand(idOf('a'), { required: 4n * MiB, limit: 12n * MiB }, signal);
  expect(await failure('out-of-range', less)).toContain(`has ${16n * MiB} bytes`);
});

test('its snapshots and copies are encrypted as it is, and no source changes its encryption', async () => {
  await made.storage.create(spec('a'), signal);
  await made.storage.recordHeader(idOf('a'));
  const taken = await made.storage.snapshots.take({ name: 'snapshot-1', source: idOf('a') }, signal);
  expect(taken).toMatchObject({ encryption, filesystem: 'none' });
  expect(tagsOf('snap-1')).toContain(record);
  const source = { snapshot: taken.id };
  const plain = { ...volume('b'), source };
  expect(await failure('invalid', made.storage.create(plain, signal))).toContain('use a class with encryption luks2');
  await made.storage.create(volume('open'), signal);
  const closed = spec('c', { source: { volume: idOf('open') } });
  expect(await failure('invalid', made.storage.create(closed, signal))).toContain('use a class without encryption');
  expect(made.lvm.volumes.has('b')).toBe(false);
});

describe('a volume with integrity', () => {
  const coded: Luks2 = { ...encryption, integrity: 'hmac-sha256', options: [] };
  const wish = (name: string, over: Partial<VolumeSpec> = {}) => spec(name, { encryption: coded, ...over });
  const exactly = (size: bigint) => ({ size: { required: size, limit: size } });

  test('has exactly the size asked for, as have its copies, and cannot grow', async () => {
    made = fakeStorage({ copyWait: 1 });
    await made.cache.refresh();
    const created = await made.storage.create(wish('a', exactly(8n * MiB)), signal);
    expect(usableSize(created)).toBe(8n * MiB);
    expect(tagsOf('a')).toContain(`quarry.encryption=luks2/aes-xts-plain64/512/67108864//hmac-sha256/${8n * MiB}`);
    const more = made.storage.expand(idOf('a'), { required: 9n * MiB }, signal);
    expect(await failure('precondition', more)).toContain('cannot grow to');
    expect((await made.storage.expand(idOf('a'), { required: 8n * MiB }, signal)).size).toBe(created.size);
    const source = { volume: idOf('a') };
    await failure('busy', made.storage.create(wish('b', { source, ...exactly(8n * MiB) }), signal));
    expect(made.lvm.volumes.get('b')?.size).toBe(created.size);
    const larger = made.storage.create(wish('c', { source, ...exactly(12n * MiB) }), signal);
    expect(await failure('precondition', larger)).toContain('cannot grow to');
    expect(made.lvm.volumes.has('c')).toBe(false);
  });

  test('has no copy that is larger by its stripes, whose last blocks would have no codes', async () => {
    made.lvm.disks.push({ pv_name: '/dev/sdb', pv_uuid: 'v', pv_missing: '' });
    await made.cache.refresh();
    const { size, layout } = await made.storage.create(wish('a'), signal);
    const striped = { ...layout, stripes: 2 } as VolumeSpec['layout'];
    const copy = () => made.storage.create(wish('b', { source: { volume: idOf('a') }, layout: striped }), signal);
    await made.storage.recordHeader(idOf('a'));
    expect(await failure('invalid', copy())).toContain(
      `the source has ${size} bytes, and that of the copy would have ${size + 4n * MiB}: use a class with the type and the stripes`,
    );
    expect([...made.lvm.volumes.keys()]).not.toContain('b');
  });

  test('is not the same as one without, and no copy of it', async () => {
    await made.storage.create(wish('a'), signal);
    expect(await failure('exists', made.storage.create(spec('a'), signal))).toContain(
      'its encryptionIntegrity is hmac-sha256, not none',
    );
    const without = made.storage.create(spec('b', { source: { volume: idOf('a') } }), signal);
    expect(await failure('invalid', without)).toContain('use a class with the same');
  });
});

test('an encryption of a newer version is kept as unknown', async () => {
  await made.storage.create(spec('a'), signal);
  const tags = made.lvm.volumes.get('a')?.tags;
  tags?.delete(record);
  tags?.add('quarry.encryption=luks3/x');
  await made.cache.refresh();
  const found = await made.storage.find(idOf('a'), signal);
  expect(found).toMatchObject({ encryption: { type: 'unknown' } });
});
