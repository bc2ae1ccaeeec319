import { beforeAll, describe, expect, test } from 'vitest';
import {
  capabilities,
  createVolume,
  type Driver,
  MiB,
  outcomeOf,
  prepareDriver,
  startDriver,
} from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import { PROGRAM } from '../support/program.ts';

const guest = useGuest({ disks: ['4G'] });
const pools = `
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
    thin: { share: 50%, overprovision: 4 }
    budget: { readIops: 100k, writeBandwidth: 1000Mi }
    reservable: 50%`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools });
});
const controller = () => driver.client.controller;

describe('limits and reservations', () => {
  const modify = (volumeId: string, mutableParameters: Record<string, string>) =>
    controller().controllerModifyVolume({ volumeId, mutableParameters });
  const tagOf = (name: string) =>
    guest().shell(`lvs --noheadings -o lv_tags quarry-fast/${name} | grep -o 'quarry.qos=[^,]*' || true`);
  const capacityFor = async (parameters: Record<string, string>) =>
    Number((await controller().getCapacity({ parameters })).availableCapacity);
  const removeAll = async () => {
    const { entries } = await controller().listVolumes({});
    await Promise.all(entries.map(({ volume }) => controller().deleteVolume({ volumeId: volume?.volumeId ?? '' })));
  };

  test('keeps limits in tags, changes them in one transaction, and has them after kill -9', async () => {
    const over = { parameters: { readIopsPerGiB: '1k', readIopsMin: '500' }, mutableParameters: { readIops: '700' } };
    const volumeId = await createVolume(driver, 'limited', 4 * MiB, over);
    expect(await tagOf('limited')).toBe('quarry.qos=ri=700\n');
    const seqno = () => guest().shell('vgs --noheadings -o vg_seqno quarry-fast');
    const before = Number(await seqno());
    await modify(volumeId, { readIops: 'max', writeIops: '2k', reservedReadIops: '300', qosEnforcement: 'strict' });
    expect(Number(await seqno())).toBe(before + 1);
    expect(await tagOf('limited')).toBe('quarry.qos=wi=2000&+2bri=300&strict\n');
    await driver.restart();
    await modify(volumeId, {});
    await modify(volumeId, { writeIops: '2k' });
    expect(Number(await seqno())).toBe(before + 1);
    // A repeated creation with the parameters of the class keeps later changes.
    expect(await createVolume(driver, 'limited', 4 * MiB, over)).toBe(volumeId);
    await modify(volumeId, { reservedReadIops: 'none' });
    expect(await tagOf('limited')).toBe('quarry.qos=wi=2000&strict\n');
    await removeAll();
  });

  test('refuses a change with any problem completely, and names all problems', async () => {
    const volumeId = await createVolume(driver, 'wrong', 4 * MiB, { mutableParameters: { readIops: '700' } });
    const outcome = await outcomeOf(modify(volumeId, { writeIops: '5', readIops: 'many', pool: 'fast', foo: '1' }));
    expect(outcome.code).toBe('INVALID_ARGUMENT');
    for (const name of ['readIops "many"', '"pool"', '"foo"']) expect(outcome.details).toContain(name);
    expect(await tagOf('wrong')).toBe('quarry.qos=ri=700\n');
    expect((await outcomeOf(modify('node-1:nowhere', { readIops: '5' }))).code).toBe('NOT_FOUND');
    await removeAll();
  });

  test('reserves no more than the budget in a hundred concurrent creations, and then reports no capacity', async () => {
    const parameters = { reservedReadIops: '1500' };
    expect(await capacityFor(parameters)).toBeGreaterThan(0);
    const calls = Array.from({ length: 100 }, (_, index) =>
      createVolume(driver, `r-${index}`, 4 * MiB, { parameters }),
    );
    const outcomes = await Promise.all(calls.map(outcomeOf));
    expect(outcomes.filter(({ code }) => code === 'OK')).toHaveLength(33);
    for (const { code, details } of outcomes) {
      if (code === 'OK') continue;
      expect(code).toBe('RESOURCE_EXHAUSTED');
      expect(details).toContain('reservedReadIops: 1500 IOPS asked for, 500 IOPS left of 50000 IOPS');
    }
    expect(await capacityFor(parameters)).toBe(0);
    expect(await capacityFor({ reservedReadIops: '500' })).toBeGreaterThan(0);
    const plain = await createVolume(driver, 'plain', 4 * MiB);
    expect((await outcomeOf(modify(plain, { reservedReadIops: '501' }))).code).toBe('RESOURCE_EXHAUSTED');
    expect(await tagOf('plain')).toBe('');
    await modify(plain, { reservedReadIops: '500' });
    await removeAll();
  });

  test('limits the size by reservations per GiB, at creation and at expansion', async () => {
    const parameters = { reservedWriteBandwidthPerGiB: '200Mi' };
    expect(await capacityFor(parameters)).toBe(2.5 * 1024 * MiB);
    const volumeId = await createVolume(driver, 'grows', 1024 * MiB, { parameters });
    const expand = (bytes: number) =>
      controller().controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: `${bytes}` } });
    const outcome = await outcomeOf(expand(2564 * MiB));
    expect(outcome.code).toBe('RESOURCE_EXHAUSTED');
    expect(outcome.details).toContain('reservedWriteBandwidth');
    expect((await controller().controllerGetVolume({ volumeId })).volume?.capacityBytes).toBe(`${1024 * MiB}`);
    await expand(2560 * MiB);
    expect(await capacityFor(parameters)).toBe(0);
    await removeAll();
  });
});

describe('calibrate', () => {
  const scratch = () => guest().shell('lvs --noheadings -o lv_name quarry-fast | grep -c q-scratch || true');
  const quick = ['calibrate', 'fast', '--rounds', '1', '--seconds', '1'];

  test('measures each rate on a scratch volume, and prints a valid budget', async () => {
    const { exitCode, stdout, stderr } = await driver.quarry(...quick);
    expect(exitCode, stderr).toBe(0);
    const [, lines = ''] = /\n\n( +budget:\n[\s\S]+)$/.exec(stdout) ?? [];
    expect(lines.match(/^ {6}\w+: \d+\w*$/gm)).toHaveLength(4);
    await using other = await prepareDriver(guest(), { pools: pools.replace(/ +budget:.*\n/, lines), name: 'pasted' });
    expect(await other.quarry('check')).toMatchObject({ exitCode: 0 });
    expect(await scratch()).toBe('0\n');
  });

  test("measures with the host's fio if LVM is the host's", async () => {
    await using other = await prepareDriver(guest(), { pools, more: 'lvm: { mode: host }', name: 'hosted' });
    // Like the image, which has no fio.
    const without = 'mount --bind /dev/null /usr/bin/fio; exec "$@"';
    const quarry = [GUEST_NODE, PROGRAM, ...quick, '--config', other.config];
    const { exitCode, stderr } = await guest().exec(['unshare', '--mount', 'sh', '-c', without, 'sh', ...quarry]);
    expect(exitCode, stderr).toBe(0);
  });

  test('refuses while a volume of the pool is in use, and for an unknown pool', async () => {
    const volumeId = await createVolume(driver, 'busy', 16 * MiB);
    const staged = { volumeId, stagingTargetPath: '/tmp/busy', volumeCapability: capabilities.ext4 };
    await driver.client.node.nodeStageVolume(staged);
    expect(await driver.quarry(...quick)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/pool fast is in use \(busy\).*--while-in-use/),
    });
    await driver.client.node.nodeUnstageVolume(staged);
    await controller().deleteVolume({ volumeId });
    expect(await driver.quarry('calibrate', 'slow')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('known: fast'),
    });
  });

  test('leaves nothing when it is interrupted, and the next start removes the scratch volume that a kill leaves', async () => {
    const begin = async () => {
      const words = ['calibrate', 'fast', '--seconds', '60', '--config', driver.config];
      const running = await guest().start([GUEST_NODE, PROGRAM, ...words]);
      await running.stderr.waitFor('filled');
      return running;
    };
    const interrupted = await begin();
    expect(await driver.quarry(...quick)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('another calibration'),
    });
    await driver.restart();
    expect(await scratch()).toBe('1\n');
    await guest().exec(['kill', '-INT', `${interrupted.pid}`]);
    expect((await interrupted.exited).exitCode).toBe(1);
    expect(await scratch()).toBe('0\n');
    const killed = await begin();
    await guest().shell(`until pgrep -x fio; do sleep 0.05; done
      kill -9 ${killed.pid}; pkill -9 -x fio; until ! pgrep -x fio; do sleep 0.05; done`);
    expect((await controller().listVolumes({})).entries).toEqual([]);
    await driver.restart();
    await driver.logged('left-over scratch volume removed');
    expect(await scratch()).toBe('0\n');
  });
});
