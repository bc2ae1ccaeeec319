import { expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { NodeName, VgName } from '../../../src/domain/ids.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { StuckGroups } from '../../../src/lvm/stuck-groups.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeWriter, idOf } from './fake-storage.ts';

const well = { ...spec, name: 'well' as typeof spec.name, group: 'well' as VgName };
const members = [
  { device: '/dev/a', group: spec.group },
  { device: '/dev/b', group: well.group },
];

/** LVM over disks of which those in `hanging` do not answer. `broken`: LVM does not answer without a disk either. */
function hangingDisks({ broken = false } = {}) {
  const { log, lines } = memoryLog();
  const hanging = new Map<string, PromiseWithResolvers<void>>();
  const hang = (device: string) => void hanging.set(device, Promise.withResolvers());
  const unanswered = (device: string) =>
    new Failure('unavailable', 'LVM did not answer', { pending: hanging.get(device)?.promise });
  let visible = members.map(({ device }) => device);
  const lvm = new FakeLvm();
  lvm.beforeAnswer = async () => {
    for (const device of visible) if (hanging.has(device)) throw unanswered(device);
  };
  const stuck: StuckGroups = new StuckGroups({
    members: () => members,
    async ask(devices) {
      const device = devices.find((one) => hanging.has(one));
      if (device !== undefined) return unanswered(device);
      return broken && devices.length === 0 ? new Failure('unavailable', 'LVM did not answer') : undefined;
    },
    setApart: (group, reason) => cache.setApart(group, reason),
    rejoin: (group) => cache.groups.rejoin(group),
    async show() {
      const hidden = stuck.devices();
      visible = members.flatMap(({ device }) => (hidden.has(device) ? [] : [device]));
      lvm.present = visible.includes('/dev/a');
    },
    answers: () => void cache.refresh(),
    log,
  });
  const cache = new InventoryCache(stuck.reports(lvm), 'node-1' as NodeName, [spec, well]);
  cache.identify(
    new Map([
      [spec.group, { state: 'present', uuid: 'own' }],
      [well.group, { state: 'none' }],
    ]),
  );
  const answer = (device: string) => {
    const end = hanging.get(device);
    hanging.delete(device);
    end?.resolve();
  };
  return { lvm, cache, stuck, lines, hang, answer };
}

const tags = ['v=1', 'role=volume', 'id=node-1:known', 'name=known', 'layout=thick/1/0/0', 'fs=none'];
const known = { size: 8n * MiB, tags: new Set(tags.map((one) => `quarry.${one}`)) };
const apart = { kind: 'unavailable', message: expect.stringMatching(/volume group vg is set apart/) };

test('sets a group apart that LVM gives no answer about, and takes it back when it answers', async () => {
  const { lvm, cache, stuck, hang, answer } = hangingDisks();
  lvm.volumes.set('known', known);
  await cache.refresh();
  hang('/dev/a');
  const { unready } = await cache.refresh();
  expect(unready.get(spec.name)).toMatch(/vg is set apart.*\/dev\/a/);
  expect([...stuck.devices().keys()]).toEqual(['/dev/a']);
  expect(cache.current().health.get(spec.name)).toMatchObject([{ reason: 'VolumeGroupStuck' }]);
  for (const name of ['known', 'unknown']) await expect(cache.find(idOf(name))).rejects.toMatchObject(apart);
  await expect(cache.find(idOf('unknown'), { mayBeNew: true })).rejects.toMatchObject(apart);
  answer('/dev/a');
  await expect.poll(() => cache.current().volumes.size).toBe(1);
  expect(stuck.devices().size).toBe(0);
  expect(await cache.find(idOf('unknown'))).toBeUndefined();
});

test('changes nothing in a group that is apart, and runs tasks of others', async () => {
  const { lvm, cache, hang } = hangingDisks();
  await cache.refresh();
  hang('/dev/a');
  await cache.refresh();
  const writer = fakeWriter(lvm, cache);
  await expect(writer.exclusive(spec.group, undefined, async () => 'done')).rejects.toMatchObject(apart);
  expect(await writer.exclusive(well.group, undefined, async () => 'done')).toBe('done');
});

test('sets no group apart while LVM does not answer without any disk either', async () => {
  const { cache, stuck, hang } = hangingDisks({ broken: true });
  await cache.refresh();
  hang('/dev/a');
  await expect(cache.refresh()).rejects.toThrow('LVM did not answer');
  expect(stuck.devices().size).toBe(0);
});

test('looks for a new snapshot only where it may be', async () => {
  const { lvm, cache, hang } = hangingDisks();
  lvm.volumes.set('known', known);
  await cache.refresh();
  hang('/dev/a');
  await cache.refresh();
  const find = (name: string, over = {}) => cache.findSnapshot(`node-1:snap-${name}` as never, over);
  expect(await find('new', { mayBeNew: true })).toBeUndefined();
  await expect(find('new')).rejects.toMatchObject(apart);
  expect(() => cache.groups.refuseIfApart(idOf('known'))).toThrow(/the state of volume node-1:known is not known/);
});
