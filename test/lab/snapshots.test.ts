import { beforeAll, describe, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  startDriver,
  volumeRequest,
} from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';
import { startVerifiedLoad, verifyLoad } from '../support/verified-load.ts';

const guest = useGuest({ disks: ['4G'] });
const pools = `
  - name: fast
    volumeGroup: qfast
    type: thin
    disks: { paths: ["/dev/ubda"] }
    approve: automatic
    thin: { share: 80%, overprovision: 3 }`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

const idOf = (name: string) => `node-1:${name}`;
const capabilityOf = (fsType: string) => ({ mount: { fsType }, accessMode: { mode: 'SINGLE_NODE_WRITER' } }) as const;
const stagedAt = (name: string) => `/run/stage/${name}`;

/** Stages a volume; the guest's folder `stagedAt` is then its filesystem. */
const stage = (name: string, fsType = 'ext4') =>
  driver.client.node.nodeStageVolume({
    volumeId: idOf(name),
    stagingTargetPath: stagedAt(name),
    volumeCapability: capabilityOf(fsType),
  });
const unstage = (name: string) =>
  driver.client.node.nodeUnstageVolume({ volumeId: idOf(name), stagingTargetPath: stagedAt(name) });
const create = (name: string, over: object = {}) =>
  createVolume(driver, name, 320 * MiB, { volumeCapabilities: [capabilities.ext4], ...over });
const take = (name: string, volume: string) =>
  driver.client.controller.createSnapshot({ name, sourceVolumeId: idOf(volume) });
const snapshotOf = (id: string | undefined) => ({ volumeContentSource: { snapshot: { snapshotId: id ?? '' } } });
const cloneOf = (name: string) => ({ volumeContentSource: { volume: { volumeId: idOf(name) } } });
const remove = (name: string) => driver.client.controller.deleteVolume({ volumeId: idOf(name) });
const removeSnapshot = (snapshotId: string) => driver.client.controller.deleteSnapshot({ snapshotId });
const write = (name: string, text: string) => guest().shell(`echo ${text} > ${stagedAt(name)}/text; sync`);
const read = async (name: string) => (await guest().shell(`cat ${stagedAt(name)}/text`)).trim();
const logicalVolumes = async () =>
  (await guest().shell(`lvs --noheadings -o lv_name qfast`)).trim().split(/\s+/).toSorted();

describe.each(['ext4', 'xfs', 'btrfs'])('a snapshot of a mounted %s', (fsType) => {
  const source = `of-${fsType}`;

  test('has what was written before it, is mounted beside its source, and may be larger', async () => {
    await create(source);
    await stage(source, fsType);
    await write(source, 'before');
    const { snapshot } = await take(`snapshot-${fsType}`, source);
    await write(source, 'after');
    expect(snapshot).toMatchObject({
      snapshotId: `node-1:snap-${fsType}`,
      sourceVolumeId: idOf(source),
      sizeBytes: String(320 * MiB),
      readyToUse: true,
      accessibleTopology: [{ segments: { 'topology.lvm.quarry.csi/node': 'node-1' } }],
    });
    const request = volumeRequest(`from-${fsType}`, 480 * MiB, snapshotOf(snapshot?.snapshotId));
    const { volume } = await driver.client.controller.createVolume(request);
    expect(volume?.contentSource?.snapshot?.snapshotId).toBe(snapshot?.snapshotId);
    await stage(`from-${fsType}`, fsType);
    expect(await read(`from-${fsType}`)).toBe('before');
    expect(await read(source)).toBe('after');
    const size = await guest().shell(`df --output=size -B1 ${stagedAt(`from-${fsType}`)} | tail -1`);
    expect(Number(size)).toBeGreaterThan(380 * MiB);
  });

  test('lives on when its source goes first, and its copies when it goes', async () => {
    await unstage(source);
    await remove(source);
    const id = `node-1:snap-${fsType}`;
    await createVolume(driver, `again-${fsType}`, 320 * MiB, snapshotOf(id));
    await removeSnapshot(id);
    await stage(`again-${fsType}`, fsType);
    expect(await read(`again-${fsType}`)).toBe('before');
    for (const name of [`again-${fsType}`, `from-${fsType}`]) {
      await unstage(name);
      await remove(name);
    }
    expect(await logicalVolumes()).toEqual(['thinpool']);
  });
});

describe('a clone', () => {
  test('has the content of its source at that moment, and changes apart from it', async () => {
    await create('origin');
    await stage('origin');
    await write('origin', 'first');
    await create('clone', cloneOf('origin'));
    await stage('clone');
    await write('clone', 'second');
    expect([await read('origin'), await read('clone')]).toEqual(['first', 'second']);
    await unstage('clone');
    await remove('clone');
  });
});

describe('calls about snapshots', () => {
  test('are the same again, and refuse what does not fit', async () => {
    const { snapshot } = await take('twice', 'origin');
    expect((await take('twice', 'origin')).snapshot).toEqual(snapshot);
    await create('other');
    expect(await outcomeOf(take('twice', 'other'))).toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await outcomeOf(take('none', 'absent'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await outcomeOf(create('bad', snapshotOf('node-1:snap-absent')))).toMatchObject({ code: 'NOT_FOUND' });
    const { entries } = await driver.client.controller.listSnapshots({ sourceVolumeId: idOf('origin') });
    expect(entries?.map((entry) => entry.snapshot?.snapshotId)).toEqual([snapshot?.snapshotId]);
    const got = await driver.client.controller.getSnapshot({ snapshotId: snapshot?.snapshotId ?? '' });
    expect(got.snapshot).toEqual(snapshot);
    await removeSnapshot(snapshot?.snapshotId ?? '');
    await removeSnapshot(snapshot?.snapshotId ?? '');
    const gone = driver.client.controller.getSnapshot({ snapshotId: snapshot?.snapshotId ?? '' });
    expect(await outcomeOf(gone)).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('count what a snapshot may grow to', async () => {
    const room = async () =>
      BigInt((await driver.client.controller.getCapacity({ parameters: { type: 'thin' } })).availableCapacity ?? 0);
    const before = await room();
    await take('counted', 'origin');
    expect(before - (await room())).toBe(BigInt(320 * MiB));
    await removeSnapshot(`node-1:${(await logicalVolumes()).find((name) => name.startsWith('snap-')) ?? ''}`);
    expect(await room()).toBe(before);
  });
});

describe('a power cut', () => {
  test('keeps what was acknowledged, and removes a snapshot and a clone that were cut off', async () => {
    const { snapshot } = await take('snapshot-kept', 'origin');
    const tags = (words: string[]) => words.map((tag) => `--addtag quarry.${tag}`).join(' ');
    const unfinished = ['v=1', 'state=creating', 'layout=thin', 'fs=ext4'];
    const cut = ['role=snapshot', 'id=node-1:snap-cut', 'name=snapshot-cut', 'source=node-1:origin', 'taken=1'];
    const half = ['role=volume', 'id=node-1:half', 'name=half', 'source=snapshot/node-1:snap-kept'];
    await guest().shell(`set -e
      lvcreate -qq -y -s -n snap-cut ${tags([...unfinished, ...cut])} qfast/origin
      lvcreate -qq -y -s -n half -k n ${tags([...unfinished, ...half])} qfast/snap-kept
      sync`);
    await driver.powerCut();
    await driver.logged('interrupted snapshot removed');
    await driver.logged('interrupted creation undone');
    expect(await logicalVolumes()).toEqual(['origin', 'other', 'snap-kept', 'thinpool']);
    await create('half', snapshotOf(snapshot?.snapshotId));
    await stage('half');
    expect(await read('half')).toBe('first');
    const { entries } = await driver.client.controller.listSnapshots({});
    expect(entries?.map((entry) => entry.snapshot?.snapshotId)).toEqual([snapshot?.snapshotId]);
  });
});

describe.each([
  ['ext4', 'e2fsck -fn'],
  ['xfs', 'xfs_repair -n'],
  ['btrfs', 'btrfs check'],
])('a snapshot of a %s to which fio writes', (fsType, check) => {
  test('has what fio had completed, and is clean once its journal was replayed', async () => {
    const [source, copy] = [`busy-${fsType}`, `copy-${fsType}`];
    await create(source);
    await stage(source, fsType);
    const load = await startVerifiedLoad(guest(), stagedAt(source));
    const completed = await load.completed();
    const { snapshot } = await take(`amid-${fsType}`, source);
    await load.stop();
    await create(copy, snapshotOf(snapshot?.snapshotId));
    await stage(copy, fsType);
    await verifyLoad(guest(), stagedAt(copy), completed);
    await unstage(copy);
    await guest().shell(`${check} /dev/qfast/${copy} 2>&1`);
    await unstage(source);
  });
});
