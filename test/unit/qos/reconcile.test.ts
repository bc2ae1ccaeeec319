import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { VolumeId } from '../../../src/domain/ids.ts';
import type { Rates } from '../../../src/domain/qos.ts';
import { isUnlimited, sameRates, sumOfRates } from '../../../src/qos/rates.ts';
import { reconcile } from '../../../src/qos/reconcile.ts';
import { createEnforcementTable, type EnforcementTable } from '../../../src/qos/enforcements.ts';
import { fixed, volumeWith } from '../domain/reserved.ts';
import { memoryLog } from '../grpc/harness.ts';
import { FakeWorld, target } from './fake-world.ts';

let world: FakeWorld;
let enforcements: EnforcementTable;
let lines: ReturnType<typeof memoryLog>['lines'];
let time: number;
const strangers = new Map<string, VolumeId>();
beforeEach(() => {
  world = new FakeWorld();
  world.volumes = [volumeWith('a', { limits: fixed(100n) }), volumeWith('b', {})];
  world.cgroupfs.addPod('p');
  world.cgroupfs.addPod('q');
  const memory = memoryLog();
  lines = memory.lines;
  time = 1000;
  strangers.clear();
  enforcements = createEnforcementTable(memory.log, () => time);
});

async function examine() {
  world.cgroupfs.writes.length = 0;
  enforcements.update(await reconcile(world, strangers));
  return enforcements.enforcements.map(({ volume, pod, state, reason, since, inForce }) => ({
    volume,
    pod,
    state,
    reason,
    since,
    inForce,
  }));
}

test('sets the limit on the top of a stack, and clears it on the device below', async () => {
  world.publish('a', 'p');
  await examine();
  expect(Object.fromEntries(world.cgroupfs.of('p'))).toEqual({ '253:0': { readIops: 100n } });
  world.layers.set('a', '253:77');
  world.table = [{ target: target('a', 'p'), device: '253:77' }];
  expect(await examine()).toMatchObject([{ volume: 'node-1:a', state: 'enforced' }]);
  expect(Object.fromEntries(world.cgroupfs.of('p'))).toEqual({ '253:0': {}, '253:77': { readIops: 100n } });
});

test('enforces a limit once, and records since when it is in force', async () => {
  world.publish('a', 'p');
  const enforced = {
    volume: 'node-1:a',
    pod: 'p',
    state: 'enforced',
    reason: undefined,
    since: 1000,
    inForce: { readIops: 100n },
  };
  expect(await examine()).toEqual([enforced]);
  expect(world.cgroupfs.of('p').get('253:0')).toEqual({ readIops: 100n });
  time = 2000;
  expect(await examine()).toEqual([enforced]);
  expect(world.cgroupfs.writes).toEqual([]);
  expect(lines.map(({ message }) => message)).toEqual(['limit in force']);
});

test('divides a limit between two pods, and gives the remaining pod all of it', async () => {
  world.publish('a', 'p');
  world.publish('a', 'q');
  await examine();
  expect(world.cgroupfs.of('p').get('253:0')).toEqual({ readIops: 50n });
  world.table.shift();
  await examine();
  expect(world.cgroupfs.of('p').get('253:0')).toEqual({});
  expect(world.cgroupfs.of('q').get('253:0')).toEqual({ readIops: 100n });
});

test('gives the remainder to the pod whose UID sorts first, in whatever order they were published', async () => {
  world.volumes = [volumeWith('a', { limits: fixed(101n) })];
  world.publish('a', 'q');
  world.publish('a', 'p');
  await examine();
  expect(world.cgroupfs.of('p').get('253:0')).toEqual({ readIops: 51n });
  expect(world.cgroupfs.of('q').get('253:0')).toEqual({ readIops: 50n });
});

test('watches the cgroups of pods with volumes alone', async () => {
  world.publish('a', 'p');
  const watched: string[] = [];
  world.watch = async (folder) => void watched.push(folder);
  await examine();
  expect(watched).toEqual(['/kubepods/podp']);
});

test('reads a cgroup again only after a write', async () => {
  world.publish('a', 'p');
  const read: string[] = [];
  world.cgroupfs.reading = (cgroup) => void read.push(cgroup);
  await examine();
  expect(read).toEqual(['/kubepods/podp', '/kubepods/podp', '/kubepods/podq']);
  read.length = 0;
  await examine();
  expect(read).toEqual(['/kubepods/podp', '/kubepods/podq']);
});

test('counts a pod whose cgroup does not exist yet among those that share', async () => {
  world.publish('a', 'p');
  world.publish('a', 'late');
  expect(await examine()).toMatchObject([
    { pod: 'p', state: 'enforced' },
    { pod: 'late', state: 'pending', reason: 'no-pod-cgroup' },
  ]);
  expect(world.cgroupfs.of('p').get('253:0')).toEqual({ readIops: 50n });
  expect(lines.map(({ level, message }) => [level, message])).toEqual([
    ['info', 'limit in force'],
    ['info', 'limit waits for the pod'],
  ]);
});

test('leaves out mounts that no pod has, such as that of the staging path', async () => {
  world.publish('a', 'p');
  world.table.push({ target: '/kubelet/plugins/kubernetes.io/csi/lvm.quarry.csi/0123/globalmount', device: '253:0' });
  expect(await examine()).toMatchObject([{ pod: 'p', state: 'enforced' }]);
});

test('clears unwanted limits of our devices in every pod, and leaves other devices alone', async () => {
  world.cgroupfs.of('q').set('8:16', { readIops: 1n });
  world.cgroupfs.of('q').set('253:1', { readIops: 2n });
  world.cgroupfs.of('q').set('253:77', { readIops: 3n });
  await examine();
  expect(Object.fromEntries(world.cgroupfs.of('q'))).toEqual({
    '8:16': { readIops: 1n },
    '253:1': {},
    '253:77': { readIops: 3n },
  });
});

test('skips pods that neither use nor had a volume, if asked to', async () => {
  for (const pod of ['p', 'q']) world.cgroupfs.of(pod).set('253:1', { readIops: 2n });
  await reconcile(world, strangers, new Set(['p']));
  expect(world.cgroupfs.of('p').get('253:1')).toEqual({});
  expect(world.cgroupfs.of('q').get('253:1')).toEqual({ readIops: 2n });
});

test('limits the right devices after a reboot that changed their numbers', async () => {
  world.publish('a', 'p');
  await examine();
  world.firstMinor = 300;
  world.table = [];
  world.publish('a', 'p');
  world.cgroupfs.of('p').clear();
  await examine();
  expect(Object.fromEntries(world.cgroupfs.of('p'))).toEqual({ '253:300': { readIops: 100n } });
});

describe('a limit that is not in force', () => {
  test('is logged once with its reason, until it is in force', async () => {
    world.publish('a', 'p');
    world.cgroupfs.refuses = 'cgroup-read-only';
    expect(await examine()).toMatchObject([{ state: 'failed', reason: 'cgroup-read-only', inForce: {} }]);
    await examine();
    expect(enforcements.counts.failures).toEqual(new Map([['cgroup-read-only', 2]]));
    expect(lines).toMatchObject([{ level: 'warn', fields: { reason: 'cgroup-read-only', wanted: 'readIops=100' } }]);
    world.cgroupfs.refuses = undefined;
    time = 5000;
    expect(await examine()).toMatchObject([{ state: 'enforced', since: 5000 }]);
    expect(lines).toHaveLength(2);
  });

  test('is reported if the kernel shows another value than was written', async () => {
    world.publish('a', 'p');
    world.cgroupfs.deaf = true;
    expect(await examine()).toMatchObject([{ state: 'failed', reason: 'not-read-back' }]);
  });

  test('is reported if it was removed and cannot be cleared', async () => {
    world.publish('b', 'p');
    world.cgroupfs.of('p').set('253:1', { readIops: 5n });
    world.cgroupfs.refuses = 'write-refused';
    expect(await examine()).toMatchObject([{ volume: 'node-1:b', state: 'failed', inForce: { readIops: 5n } }]);
  });

  test('is reported without a hierarchy, and for a target that names no pod', async () => {
    world.publish('b', 'p');
    world.table.push({ target: '/tmp/x', device: '253:0' });
    strangers.set('/tmp/x', 'node-1:a' as VolumeId);
    expect(await examine()).toMatchObject([
      { volume: 'node-1:b', state: 'enforced' },
      { volume: 'node-1:a', pod: undefined, state: 'failed', reason: 'unknown-pod' },
    ]);
    world.hierarchy = false;
    expect(await examine()).toMatchObject([{ state: 'enforced' }, { reason: 'no-cgroup-filesystem' }]);
  });

  test('in one pod does not affect the limits of other pods', async () => {
    world.publish('a', 'p');
    world.publish('a', 'q');
    world.cgroupfs.broken.add('/kubepods/podp');
    expect(await examine()).toMatchObject([
      { pod: 'p', state: 'failed', reason: 'unexamined' },
      { pod: 'q', state: 'enforced' },
    ]);
    expect(world.errors).toHaveLength(1);
  });
});

test('restores and counts a limit that another program cleared, and does not count changes by Quarry', async () => {
  world.publish('a', 'p');
  await examine();
  world.publish('a', 'q');
  await examine();
  expect(enforcements.counts.driftRepaired).toBe(0);
  world.cgroupfs.of('q').clear();
  await examine();
  expect(world.cgroupfs.of('q').get('253:0')).toEqual({ readIops: 50n });
  expect(enforcements.counts.driftRepaired).toBe(1);
});

test('enforces any publications from any earlier state in one reconciliation, and writes nothing in the next', () => {
  const lvs = ['v0', 'v1', 'v2', 'v3'];
  const pods = ['p', 'q', 'r'];
  const limit = fc.option(fc.bigInt({ min: 20n, max: 1000n }), { nil: undefined });
  const stray = fc.record({ pod: fc.constantFrom(...pods), minor: fc.nat(6), rate: fc.bigInt({ min: 1n, max: 99n }) });
  const scene = fc.record({
    limits: fc.array(limit, { minLength: 4, maxLength: 4 }),
    published: fc.uniqueArray(fc.tuple(fc.constantFrom(...lvs), fc.constantFrom(...pods)), {
      selector: (pair) => pair.join(),
    }),
    strays: fc.array(stray),
  });
  return fc.assert(
    fc.asyncProperty(scene, async ({ limits, published, strays }) => {
      const node = new FakeWorld();
      node.volumes = limits.map((rate, index) => volumeWith(`v${index}`, { limits: fixed(rate) }));
      for (const pod of pods) node.cgroupfs.addPod(pod);
      for (const [lv, pod] of published) node.publish(lv, pod);
      for (const { pod, minor, rate } of strays) node.cgroupfs.of(pod).set(`253:${minor}`, { readIops: rate });
      const foreign = new Map(
        strays.filter(({ minor }) => minor > 3).map(({ pod, minor, rate }) => [`${pod} 253:${minor}`, rate]),
      );
      const findings = await reconcile(node, new Map());
      expect(findings.every(({ reason }) => reason === undefined)).toBe(true);
      for (const [index, whole] of limits.entries()) {
        const users = published.filter(([lv]) => lv === `v${index}`).map(([, pod]) => pod);
        const parts = users.map((pod): Rates => node.cgroupfs.of(pod).get(`253:${index}`) ?? {});
        if (users.length > 0)
          expect(
            sameRates(
              sumOfRates(parts),
              whole === undefined ? {} : { readIops: max(whole, BigInt(users.length) * 10n) },
            ),
          ).toBe(true);
        for (const pod of pods) {
          if (!users.includes(pod)) expect(isUnlimited(node.cgroupfs.of(pod).get(`253:${index}`) ?? {})).toBe(true);
        }
      }
      for (const [place, rate] of foreign) {
        const [pod = '', device = ''] = place.split(' ');
        expect(node.cgroupfs.of(pod).get(device)).toEqual({ readIops: rate });
      }
      node.cgroupfs.writes.length = 0;
      await reconcile(node, new Map());
      expect(node.cgroupfs.writes).toEqual([]);
    }),
  );
});

const max = (a: bigint, b: bigint) => (a > b ? a : b);
