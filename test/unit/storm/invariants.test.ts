import { describe, expect, test } from 'vitest';
import { factsFrom, leaks, losses } from '../../storm/invariants.ts';
import { absentVolume, acknowledge, doubt, known, type Volume } from '../../storm/model.ts';
import { type Observation, parseObservation } from '../../storm/observe.ts';
import { lvOf, pathsOf, uidOf } from '../../storm/site.ts';

const bytes = 16 * 1024 ** 2;
const shape = { type: 'thick', stripes: 1, mirrors: 1, access: 'ext4' } as const;
const created = { facts: { exists: true, size: bytes, iops: 500 }, shape };
const made = acknowledge(absentVolume('storm-1'), created);
const published = acknowledge(made, { facts: { staged: true, published: true } });
const absent = absentVolume('storm-1');
const { staged, target } = pathsOf(published);

const uid = uidOf('storm-1');
const limit = '254:7 rbps=max wbps=max riops=500 wiops=500';
const output = `  qstorm|foreign|33554432|somebody
  qstorm|[lvol0_pmspare]|33554432|
  qstorm|storm-1|${bytes}|quarry.id=node-1:storm-1,quarry.qos=ri=500&wi=500
  qstorm|[storm-1_rimage_0]|${bytes}|
  qstorm|[storm-1_rmeta_0]|4194304|quarry.state=creating
  qstorm|thinpool|1073741824|quarry.v=1
  qstorm|[thinpool_tdata]|1073741824|
  qmirror|thinpool|629145600|quarry.v=1
  qmirror|[thinpool_tdata_rimage_1]|629145600|
==
qstorm-storm--1|254|7|Active
qstorm-storm--1_rimage_0|254|6|Active
qstorm-thinpool-tpool|254|2|Active
qmirror-thinpool_tdata_rimage_1|254|3|Active
disk-a|254|0|Active
==
${staged}
${target}
==
/sys/fs/cgroup/kubepods/burstable/pod${uid}/io.max:${limit}
==
the foreign one
==
  /dev/dm-0
==
kernel qstorm 1
lvm qstorm 1
lvm qstorm 2
kernel qmirror 3
lvm qmirror 3
`;
const whole: Observation = {
  listed: new Map([['storm-1', bytes]]),
  snapshots: new Map(),
  ...parseObservation(output),
};
const without = (name: string): Observation => ({
  ...whole,
  listed: new Map(),
  logicalVolumes: whole.logicalVolumes.filter((lv) => lv.name !== name),
});
const lost = (volume: Volume, seen: Observation): string[] => losses([volume], seen, 'the foreign one');
const left = (volume: Volume, seen: Observation): string[] => leaks([volume], seen, ['/dev/dm-0']);

test('a node that shows what the model knows has neither lost nor leaked anything', () => {
  expect(lost(published, whole)).toEqual([]);
  expect(left(published, whole)).toEqual([]);
  expect(factsFrom(published, whole)).toEqual(known(published));
});

describe('a loss', () => {
  test('a volume that is not listed, or that LVM does not have', () => {
    expect(lost(published, { ...whole, listed: new Map() })).toEqual(['storm-1 is not listed']);
    expect(lost(published, { ...without('storm-1'), listed: whole.listed })).toEqual([
      'storm-1 is listed without a logical volume',
    ]);
  });

  test('a size that is too small, in the list or on the disk, and another limit', () => {
    const small = whole.logicalVolumes.map((lv) => (lv.name === 'storm-1' ? { ...lv, bytes: bytes / 2 } : lv));
    expect(lost(published, { ...whole, logicalVolumes: small })).toEqual([
      `storm-1: the size of the logical volume is ${bytes / 2}, not ${bytes}`,
    ]);
    expect(lost(published, { ...whole, listed: new Map([['storm-1', 1]]) })).toHaveLength(1);
    expect(lost(acknowledge(published, { facts: { iops: 0 } }), whole)).toEqual(['storm-1: the limit is 500, not 0']);
  });

  test('a deletion that was acknowledged, and a volume that is there', () => {
    expect(lost(absent, whole)).toEqual(['storm-1 was deleted, and is listed']);
    expect(lost(absent, { ...whole, listed: new Map() })).toEqual(['storm-1 was deleted, and LVM still has it']);
  });

  test('a mount that is gone, or was undone and is there', () => {
    expect(lost(published, { ...whole, mounts: [staged] })).toEqual([`storm-1: ${target} is not mounted`]);
    expect(lost(made, whole)).toHaveLength(2);
  });

  test('a foreign volume that was touched', () => {
    expect(losses([published], whole, 'as it was')).toHaveLength(1);
  });

  test('a call that was cut off is no loss, done or not', () => {
    const halfMade = doubt(absent, created);
    const mounting = doubt(halfMade, { facts: { staged: true, published: true } });
    expect(lost(mounting, whole)).toEqual([]);
    expect(lost(halfMade, without('storm-1'))).toEqual([]);
    const smaller = { bytes: bytes / 2, tags: ['quarry.state=creating'] };
    const half = whole.logicalVolumes.map((lv) => (lv.name === 'storm-1' ? { ...lv, ...smaller } : lv));
    expect(lost(halfMade, { ...whole, logicalVolumes: half })).toEqual([]);
    expect(lost(published, { ...whole, logicalVolumes: half })).not.toEqual([]);
    expect(lost(halfMade, { ...without('storm-1'), listed: whole.listed })).toEqual([]);
    expect(lost(doubt(published, { facts: { size: 2 * bytes } }), whole)).toEqual([]);
    expect(lost(doubt(published, { facts: { exists: false } }), without('storm-1'))).toEqual([]);
  });
});

describe('a leak', () => {
  test('a logical volume, or a part of one, that belongs to no volume', () => {
    const more = { group: 'qstorm', name: 'storm-9', bytes, tags: [] };
    expect(left(published, { ...whole, logicalVolumes: [...whole.logicalVolumes, more] })).toEqual([
      'the logical volume storm-9 belongs to no volume',
    ]);
    expect(left(absent, { ...without('storm-1'), devices: [], mounts: [], limits: [] })).toEqual([
      'the logical volume storm-1_rimage_0 belongs to no volume',
      'the logical volume storm-1_rmeta_0 belongs to no volume',
    ]);
  });

  test('a device of a thin pool that LVM does not know, or knows in another group alone', () => {
    const seen = { ...whole, thin: new Set([...whole.thin, 'kernel qstorm 3']) };
    expect(left(published, seen)).toEqual(['the thin pool of qstorm has the device 3, which belongs to no volume']);
  });

  test('a volume that the list shows and LVM does not', () => {
    const seen = { ...whole, listed: new Map() };
    expect(left(published, seen)).toEqual(['LVM and ListVolumes differ on storm-1']);
  });

  test('a volume whose creation was not finished', () => {
    const unfinished = whole.logicalVolumes.map((lv) => ({ ...lv, tags: [...lv.tags, 'quarry.state=creating'] }));
    expect(left(published, { ...whole, logicalVolumes: unfinished })).toContain(
      'the logical volume storm-1 is unfinished',
    );
  });

  test('a device without a logical volume, and one that is suspended', () => {
    const device = { name: 'qstorm-storm--9', number: '254:9', suspended: true };
    expect(left(published, { ...whole, devices: [...whole.devices, device] })).toEqual([
      'the device qstorm-storm--9 belongs to no logical volume',
      'the device qstorm-storm--9 is suspended',
    ]);
  });

  test('a disk that was added and is not in the group', () => {
    expect(left(published, { ...whole, members: [] })).toEqual(['the disk /dev/dm-0 is not in its group']);
  });

  test('a mount of no volume, and one that is there twice', () => {
    expect(left(published, { ...whole, mounts: [...whole.mounts, target, '/mnt'] })).toEqual([
      '/mnt is mounted',
      `${target} is mounted more than once`,
    ]);
  });

  test('a limit that is not in force, and one that was left behind', () => {
    expect(left(published, { ...whole, limits: [] })).toEqual([`the limit is missing: ${uid} ${limit}`]);
    expect(left(made, { ...whole, mounts: [] })).toEqual([`the limit belongs to no volume: ${uid} ${limit}`]);
  });
});

describe('an inline volume', () => {
  const scratch = { type: 'thin', stripes: 1, mirrors: 0, access: 'ext4' } as const;
  const facts = { exists: true, size: bytes, iops: 0, published: true };
  const inline = acknowledge(absentVolume('inline-0'), { facts, shape: scratch });
  const lv = { group: 'qstorm', name: lvOf(inline), bytes, tags: [] };
  const mount = pathsOf(inline).target;
  const there: Observation = { ...whole, logicalVolumes: [...whole.logicalVolumes, lv], mounts: [mount] };

  test('has a logical volume and a mount, and is in no list', () => {
    expect(lost(inline, there)).toEqual([]);
    expect(factsFrom(inline, there)).toEqual(known(inline));
    expect(lost(inline, { ...there, mounts: [] })).toEqual([`inline-0: ${mount} is not mounted`]);
    const listed = { ...there, listed: new Map([[lv.name, bytes]]) };
    expect(lost(inline, listed)).toEqual(['inline-0 is an inline volume, and is listed']);
  });

  test('leaves nothing when it was unpublished', () => {
    const gone = absentVolume('inline-0');
    expect(lost(gone, there)).not.toEqual([]);
    expect(left(gone, there)).toContain(`the logical volume ${lv.name} belongs to no volume`);
    expect(left(gone, there)).toContain(`${mount} is mounted`);
  });
});
