import { beforeAll, describe, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  startDriver,
  untilDone,
  volumeRequest,
} from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['1G', '1G'] });
const pools = `
  - name: slow
    volumeGroup: qslow
    type: thick
    disks: { paths: ["/dev/ubda", "/dev/ubdb"] }
    approve: automatic`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), {
    pools,
    more: 'rescan: 24h\njobs: { copyRate: 24Mi }\nmetrics: { listen: 127.0.0.1:9809 }',
  });
});

const idOf = (name: string) => `node-1:${name}`;
const create = (name: string, over: object = {}) =>
  createVolume(driver, name, 64 * MiB, { volumeCapabilities: [capabilities.block], ...over });
const remove = (name: string) => driver.client.controller.deleteVolume({ volumeId: idOf(name) });
const take = (name: string, volume: string, parameters = {}) =>
  driver.client.controller.createSnapshot({ name, sourceVolumeId: idOf(volume), parameters });
const removeSnapshot = (snapshotId: string) => driver.client.controller.deleteSnapshot({ snapshotId });
/** What the driver reports as free, once it has read LVM's state after the last change. */
const room = async () => {
  const free = (await guest().shell('vgs --noheadings --nosuffix --units b -o vg_free qslow')).trim();
  const reported = async () => (await driver.client.controller.getCapacity({})).availableCapacity;
  await expect.poll(reported, { timeout: 30_000 }).toBe(free);
  return Number(free);
};
const logicalVolumes = async () =>
  (await guest().shell(`lvs --noheadings -o lv_name qslow`)).trim().split(/\s+/).toSorted();
const write = (lv: string, text: string, at = 0) =>
  guest().shell(`printf %s ${text} | dd of=/dev/qslow/${lv} bs=512 seek=${at * 2048} conv=notrunc,fsync status=none`);
const read = (lv: string, at = 0) =>
  guest().shell(`dd if=/dev/qslow/${lv} bs=512 skip=${at * 2048} count=1 status=none | tr -d '\\0'`);

const size = 128 * MiB;
const sumOf = async (lv: string, bytes = size) =>
  (await guest().shell(`head -c ${bytes} /dev/qslow/${lv} | sha256sum`)).slice(0, 64);
/** Other content in each MiB, from that number on. */
const fill = (lv: string, from: number, mebibytes: number) =>
  guest().shell(
    `{ seq ${from} 99999999 || :; } 2>/dev/null | head -c ${mebibytes}M | dd of=/dev/qslow/${lv} bs=1M iflag=fullblock oflag=direct status=none`,
  );
const requestFrom = (name: string, source: object, bytes = size, over = {}) =>
  volumeRequest(name, bytes, { volumeContentSource: source, volumeCapabilities: [capabilities.block], ...over });
const taken = { snapshot: { snapshotId: 'node-1:snap-s' } };
const cloned = { volume: { volumeId: idOf('source') } };
const tagsOf = (lv: string) => guest().shell(`lvs --noheadings -o lv_tags qslow/${lv} 2>/dev/null || true`);
const names = async () =>
  (await driver.client.controller.listVolumes({})).entries?.map(({ volume }) => volume?.volumeId);

describe.each([
  ['linear', {}],
  ['striped', { stripes: '2' }],
  ['mirrored', { mirrors: '1' }],
])('a snapshot of a %s volume', (kind, parameters) => {
  test('keeps the content of its moment, and guards its volume', async () => {
    await create(kind, { parameters });
    await write(kind, 'before');
    const before = await room();
    const { snapshot } = await take(`snapshot-${kind}`, kind);
    expect(snapshot).toMatchObject({
      snapshotId: `node-1:snap-${kind}`,
      sourceVolumeId: idOf(kind),
      sizeBytes: String(64 * MiB),
      readyToUse: true,
    });
    expect(before - (await room())).toBe(16 * MiB);
    expect((await take(`snapshot-${kind}`, kind)).snapshot).toEqual(snapshot);
    await write(kind, 'after!');
    expect([await read(kind), await read(`snap-${kind}`)]).toEqual(['after!', 'before']);
    expect(await guest().shell(`blockdev --getro /dev/qslow/snap-${kind}`)).toBe('1\n');
    const problem = { code: 'FAILED_PRECONDITION', details: expect.stringContaining(`node-1:snap-${kind}`) };
    expect(await outcomeOf(remove(kind))).toMatchObject(problem);
    const larger = { volumeId: idOf(kind), capacityRange: { requiredBytes: String(128 * MiB) } };
    expect(await outcomeOf(driver.client.controller.controllerExpandVolume(larger))).toMatchObject(problem);
    await removeSnapshot(`node-1:snap-${kind}`);
    expect(await room()).toBe(before);
    expect(await read(kind)).toBe('after!');
    await remove(kind);
    expect(await logicalVolumes()).toEqual(['']);
  });
});

describe('a snapshot that is cut off', () => {
  test('is removed after a power cut; one that was acknowledged is kept', async () => {
    await create('origin');
    await write('origin', 'first');
    await take('snapshot-kept', 'origin');
    await write('origin', 'later');
    const tags = ['v=1', 'role=snapshot', 'source=node-1:origin', 'fs=none', 'taken=1', 'state=creating'];
    const tagged = (name: string) =>
      [...tags, `id=node-1:${name}`, `name=${name}`].map((tag) => `--addtag quarry.${tag}`).join(' ');
    // The second is what LVM has committed before it makes it a snapshot.
    await guest().shell(`set -e
      lvcreate -qq -y -s -p r -L 8M -n snap-cut ${tagged('snap-cut')} qslow/origin
      lvcreate -qq -y -L 8M -n snap-half ${tagged('snap-half')} qslow
      sync`);
    await driver.powerCut();
    await expect.poll(logicalVolumes, { timeout: 30_000 }).toEqual(['origin', 'snap-kept']);
    expect([await read('origin'), await read('snap-kept')]).toEqual(['later', 'first']);
    const { entries } = await driver.client.controller.listSnapshots({});
    expect(entries?.map((entry) => entry.snapshot?.snapshotId)).toEqual(['node-1:snap-kept']);
  });

  test('by a killed driver is there as a whole when the call is repeated', async () => {
    await write('origin', 'third');
    const cut = outcomeOf(take('snapshot-again', 'origin'));
    await driver.kill();
    await cut;
    await driver.restart();
    await expect.poll(() => outcomeOf(take('snapshot-again', 'origin'))).toMatchObject({ code: 'OK' });
    await write('origin', 'forth');
    expect(await read('snap-again')).toBe('third');
    await removeSnapshot('node-1:snap-again');
    await removeSnapshot('node-1:snap-kept');
    await remove('origin');
    expect(await logicalVolumes()).toEqual(['']);
  });
});

describe('a snapshot that fills', () => {
  const unwell = async () => (await driver.client.node.nodeGetStorageHealth({})).backendHealth;
  const overfullPools = async () => {
    const script = `fetch('http://127.0.0.1:9809/metrics').then(r => r.text()).then(console.log)`;
    const text = await guest().shell(`${GUEST_NODE} -e "${script}"`);
    return /^quarry_storage_health\{.*pool="slow",.*reason="SnapshotOverfull".*\} (\d+)$/m.exec(text)?.[1];
  };

  test('gets more room in time, and is not ready once it is overfull', async () => {
    await create('writing');
    await take('snapshot-w', 'writing', { snapshotSize: '8Mi' });
    const sizeOf = async () => (await guest().shell('lvs --noheadings --units m -o lv_size qslow/snap-w')).trim();
    await fill('writing', 1e7, 6);
    await expect.poll(sizeOf, { timeout: 30_000 }).toBe('24.00m');
    // Faster than any look.
    await fill('writing', 1e7, 64);
    const ready = async () =>
      (await driver.client.controller.getSnapshot({ snapshotId: 'node-1:snap-w' })).snapshot?.readyToUse;
    await expect.poll(ready, { timeout: 30_000 }).toBe(false);
    const restored = requestFrom('restored', { snapshot: { snapshotId: 'node-1:snap-w' } }, 64 * MiB);
    expect(await outcomeOf(driver.client.controller.createVolume(restored))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: expect.stringContaining('overfull'),
    });
    const message = expect.stringMatching(/^1 thick snapshots are overfull.* qslow\/snap-w: delete them$/);
    const health = { status: 'STORAGE_DEGRADED', reason: 'SnapshotOverfull', message };
    expect(await unwell()).toMatchObject([health]);
    expect(await overfullPools()).toBe('1');
    await removeSnapshot('node-1:snap-w');
    expect(await unwell()).toEqual([]);
    await remove('writing');
    expect(await logicalVolumes()).toEqual(['']);
  });
});

describe('a volume that is copied', () => {
  test('from a snapshot or a volume has its content, also in another layout and larger', async () => {
    await createVolume(driver, 'source', size);
    await fill('source', 1e7, 128);
    const first = await sumOf('source');
    await take('snapshot-s', 'source', { snapshotSize: '100%' });
    await fill('source', 5e7, 60);
    const larger = requestFrom('restored', taken, size + 8 * MiB, { parameters: { stripes: '2' } });
    const { volume } = await untilDone(() => driver.client.controller.createVolume(larger));
    expect(volume).toMatchObject({ capacityBytes: `${size + 8 * MiB}`, contentSource: taken });
    expect(await sumOf('restored')).toBe(first);
    await remove('restored');
    await untilDone(() => driver.client.controller.createVolume(requestFrom('cloned', cloned)));
    expect(await sumOf('cloned')).toBe(await sumOf('source'));
    await remove('cloned');
    expect(await logicalVolumes()).toEqual(['snap-s', 'source']);
  });

  test('goes on after a kill and a power cut, and is not handed out before it is whole', async () => {
    const request = requestFrom('cut', taken);
    const first = await sumOf('snap-s');
    const cut = outcomeOf(driver.client.controller.createVolume(request));
    await expect.poll(() => tagsOf('cut'), { timeout: 30_000 }).toContain('quarry.copied=');
    expect(await names()).toEqual([idOf('source')]);
    expect(await outcomeOf(removeSnapshot('node-1:snap-s'))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      details: expect.stringContaining('node-1:cut is being copied from it'),
    });
    const stage = { volumeId: idOf('cut'), stagingTargetPath: '/run/cut', volumeCapability: capabilities.block };
    expect(await outcomeOf(driver.client.node.nodeStageVolume(stage))).toMatchObject({ code: 'ABORTED' });
    await driver.kill();
    await cut;
    await driver.restart();
    await driver.powerCut();
    await untilDone(() => driver.client.controller.createVolume(request));
    expect(await sumOf('cut')).toBe(first);
    expect(await tagsOf('cut')).not.toContain('cop');
    await remove('cut');
    await removeSnapshot('node-1:snap-s');
  });

  test('from a volume guards it, and ends when it is deleted', async () => {
    const cloning = outcomeOf(driver.client.controller.createVolume(requestFrom('given-up', cloned)));
    await expect.poll(() => tagsOf('given-up'), { timeout: 30_000 }).toContain('quarry.state=copying');
    expect(await outcomeOf(remove('source'))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      details: expect.stringContaining('node-1:given-up'),
    });
    await remove('given-up');
    expect(await cloning).toMatchObject({ code: 'ABORTED' });
    expect(await logicalVolumes()).toEqual(['source']);
    await remove('source');
  });
});
