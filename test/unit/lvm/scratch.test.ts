import { expect, test } from 'vitest';
import { GiB, MiB } from '../../../src/domain/bytes.ts';
import { openVolumes, scratchSize } from '../../../src/lvm/scratch.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage } from './fake-storage.ts';

async function start(lvm = new FakeLvm()) {
  const parts = fakeStorage({ lvm });
  const { pools } = await parts.cache.refresh();
  const pool = pools.get(spec.name);
  if (!pool) throw new Error('the pool is not there');
  return { ...parts, lvm, pool };
}

const ofSize = async (size: bigint) => (await start(Object.assign(new FakeLvm(), { size }))).pool;

test('a scratch volume takes half of the room of a small pool, and 4 GiB of a large one', async () => {
  expect(scratchSize(await ofSize(256n * MiB))).toBe(128n * MiB);
  expect(scratchSize(await ofSize(64n * GiB))).toBe(4n * GiB);
});

test('a scratch volume is refused by a pool that has no room for one', async () => {
  const small = await ofSize(124n * MiB);
  expect(() => scratchSize(small)).toThrow(expect.objectContaining({ kind: 'exhausted' }));
});

test('the volumes that are open are those of the group itself', async () => {
  const lvm = new FakeLvm();
  const open = { lv_attr: '-wi-ao----' };
  const add = (name: string, row: Record<string, string> = {}) =>
    lvm.volumes.set(name, { size: MiB, tags: new Set(), row });
  add('open', open);
  add('closed');
  add('thinpool', { lv_attr: 'twi-aotz--' });
  add('theirs', { ...open, vg_name: 'other', vg_uuid: 'other' });
  const { cache } = await start(lvm);
  expect(openVolumes({ cache } as never, spec.group)).toEqual(['open']);
});
