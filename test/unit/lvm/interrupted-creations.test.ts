import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test, vi } from 'vitest';
import { endingRunner } from '../block/ending-runner.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import type { LvName, NodeName } from '../../../src/domain/ids.ts';
import { noQos } from '../../../src/domain/qos.ts';
import { createInterruptedCreations } from '../../../src/lvm/interrupted-creations.ts';
import { MirrorRepair } from '../../../src/lvm/mirrors/mirror-repair.ts';
import { creationTags } from '../../../src/lvm/volume-records.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { fakeStorage, idOf, lostCopies } from './fake-storage.ts';

const { signal } = new AbortController();
const layout = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 } as const;
const creating = 'quarry.state=creating';
let lvm: FakeLvm;

/** What a creation leaves that dies before its wipe was known to be complete. */
function leaveHalf(lv: string, mirrors = 0): void {
  const place = { node: 'node-1' as NodeName, pool: spec.name, group: spec.group, lv: lv as LvName };
  const shape = { size: 8n * MiB, layout: { ...layout, mirrors }, filesystem: 'none', mkfsOptions: [] } as const;
  const tags = creationTags({ id: idOf(lv), name: lv, state: 'creating', qos: noQos, ...place, ...shape });
  lvm.volumes.set(lv, { size: shape.size, tags: new Set(tags) });
}

/** A driver that has read LVM. */
async function start(duringWipe?: () => Promise<void>) {
  const parts = fakeStorage({ lvm, boot: 'boot-2', ...(duringWipe && { duringWipe }) });
  await parts.cache.refresh();
  const { log, lines } = memoryLog();
  const { marks } = parts.storage;
  const { lost } = lostCopies(parts);
  const repairs = new MirrorRepair({ ...parts, marks, lost, log, rate: 8n * MiB, interval: 1 });
  const sources = [createInterruptedCreations({ ...parts, log }), repairs];
  const jobs = endingRunner({
    sources,
    bounds: { total: 9, creation: 4, copy: 4, erase: 4, repair: 4, evacuation: 1 },
    log,
  });
  return { ...parts, jobs, lines };
}

const isHalf = (lv: string) => lvm.volumes.get(lv)?.tags.has(creating);
const settled = (check: () => void) => vi.waitFor(check, { interval: 1 });

beforeEach(() => {
  lvm = new FakeLvm();
  leaveHalf('a');
});

test('a creation that was cut off is found with its volume, wiped and made ready', async () => {
  const { jobs, wiped, lines } = await start();
  expect(jobs.list()).toMatchObject([{ kind: 'creation', volume: idOf('a'), lv: 'vg/a', size: 8n * MiB }]);
  jobs.look();
  await settled(() => expect(jobs.list()).toEqual([]));
  expect(wiped).toEqual(['/dev/mapper/vg-a']);
  expect(isHalf('a')).toBe(false);
  expect(lines).toMatchObject([{ message: 'interrupted creation finished', fields: { volume: idOf('a') } }]);
});

test('a creation that a call works on is no job until the call gives it up', async () => {
  const { storage, jobs, wiped } = await start();
  await storage.locks.hold(idOf('a'), 'CreateVolume', async () => {
    jobs.look();
    expect(jobs.list()).toEqual([]);
  });
  expect(wiped).toEqual([]);
  jobs.look();
  await settled(() => expect(wiped).toHaveLength(1));
});

test('a volume that became ready while its job waited for the group is not wiped: it may have data', async () => {
  const { writer, cache, jobs, wiped } = await start();
  await writer.exclusive(spec.group, signal, async () => {
    jobs.look();
    expect(jobs.list()).toMatchObject([{ state: 'running' }]);
    lvm.volumes.get('a')?.tags.delete(creating);
    await cache.refresh();
  });
  await writer.exclusive(spec.group, signal, () => nextTurn());
  expect(wiped).toEqual([]);
});

test('a volume that vanished while its job waited for the group is no failure', async () => {
  const { writer, cache, jobs, wiped, lines } = await start();
  await writer.exclusive(spec.group, signal, async () => {
    jobs.look();
    lvm.volumes.delete('a');
    await cache.refresh();
  });
  await writer.exclusive(spec.group, signal, () => nextTurn());
  expect(jobs.list()).toEqual([]);
  expect({ wiped, lines }).toEqual({ wiped: [], lines: [] });
});

test('a stop waits for the wipe that runs, and begins no other', async () => {
  leaveHalf('b');
  const wipe = Promise.withResolvers<void>();
  const { jobs, wiped } = await start(() => wipe.promise);
  jobs.look();
  await settled(() => expect(wiped).toHaveLength(1));
  const stopped = jobs.stop(60_000);
  wipe.resolve();
  expect(await stopped).toBe(true);
  jobs.look();
  expect(wiped).toEqual(['/dev/mapper/vg-a']);
  expect(['a', 'b'].map(isHalf)).toEqual([false, true]);
});

test('a wipe that does not end before the deadline of a stop leaves its mark, and the next process wipes again', async () => {
  const never = new Promise<void>(() => undefined);
  const first = await start(() => never);
  first.jobs.look();
  await settled(() => expect(first.wiped).toHaveLength(1));
  expect(await first.jobs.stop(1)).toBe(false);
  expect(isHalf('a')).toBe(true);
  const second = await start();
  second.jobs.look();
  await settled(() => expect(isHalf('a')).toBe(false));
  expect(second.wiped).toEqual(['/dev/mapper/vg-a']);
});

test('a volume whose creation and copies are both unfinished is wiped first, and repaired then', async () => {
  leaveHalf('a', 1);
  lvm.volumes.get('a')?.tags.add('quarry.boot=boot-1');
  lvm.mirrors.set('a', { raid_sync_action: 'idle', sync_percent: '100.00', raid_max_recovery_rate: '' });
  const wipe = Promise.withResolvers<void>();
  const { jobs, wiped } = await start(() => wipe.promise);
  expect(jobs.list().map(({ kind, volume }) => [kind, volume])).toEqual([
    ['creation', idOf('a')],
    ['repair', idOf('a')],
  ]);
  jobs.look();
  await settled(() => expect(wiped).toHaveLength(1));
  await nextTurn();
  expect(lvm.mirrors.get('a')?.raid_sync_action).toBe('idle');
  wipe.resolve();
  await settled(() => expect(lvm.mirrors.get('a')?.raid_sync_action).toBe('repair'));
  expect(isHalf('a')).toBe(false);
  Object.assign(lvm.mirrors.get('a') ?? {}, { sync_percent: '99.00' });
  await settled(() => expect(jobs.list()).toMatchObject([{ kind: 'repair', done: 0.99 }]));
  Object.assign(lvm.mirrors.get('a') ?? {}, { raid_sync_action: 'idle', sync_percent: '100.00' });
  await settled(() => expect(jobs.list()).toEqual([]));
  expect([...(lvm.volumes.get('a')?.tags ?? [])].filter((tag) => /state|boot/.test(tag))).toEqual([]);
});
