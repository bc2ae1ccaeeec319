import { beforeAll, describe, expect, test } from 'vitest';
import type { VolumeId, LvName, NodeName, PoolName, VgName } from '../../src/domain/ids.ts';
import { noQos } from '../../src/domain/qos.ts';
import { creationTags } from '../../src/lvm/volume-records.ts';
import { capabilities, type Driver, MiB, outcomeOf, startDriver, untilDone, volumeRequest } from '../support/driver.ts';
import { useGuest } from '../support/guest.ts';

const guest = useGuest({ disks: ['1G', '1G'] });
const pools = `
  - name: fast
    volumeGroup: qfast
    type: thin
    disks: { paths: ["/dev/ubd[a-z]"] }
    approve: automatic
    thin: { share: 50%, overprovision: 10 }`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
  await driver.client.controller.createVolume(volumeRequest('data', 16 * MiB));
  sizes.set('data', 16 * MiB);
  await stage('data');
  await guest().shell('echo 0 >/tmp/data/file; sync -f /tmp/data/file');
});

/** The volumes that must exist, by name. LVM accepts the names, so that the ids follow from them. */
const sizes = new Map<string, number>();
let written = 0;
const idOf = (name: string) => `node-1:${name}`;
const staging = (name: string) => ({ volumeId: idOf(name), stagingTargetPath: `/tmp/${name}` });

const stage = (name: string) =>
  driver.client.node.nodeStageVolume({ ...staging(name), volumeCapability: capabilities.ext4 });

interface Step {
  readonly what: 'create' | 'delete' | 'expand' | 'stage';
  readonly name: string;
  readonly call: () => Promise<unknown>;
}

function plan(round: string): Step[] {
  const { controller } = driver.client;
  const create = (name: string, type: string): Step => ({
    what: 'create',
    name,
    call: () => controller.createVolume(volumeRequest(name, 16 * MiB, { parameters: { type } })),
  });
  const [gone, grown, formatted] = [...sizes.keys()].filter((name) => name !== 'data');
  const capacityRange = { requiredBytes: `${(sizes.get(grown ?? '') ?? 0) + 4 * MiB}` };
  return [
    create(`${round}-thick`, 'thick'),
    { what: 'stage', name: 'data', call: () => stage('data') },
    ...(gone
      ? [{ what: 'delete', name: gone, call: () => controller.deleteVolume({ volumeId: idOf(gone) }) } as const]
      : []),
    create(`${round}-thin`, 'thin'),
    ...(formatted ? [{ what: 'stage', name: formatted, call: () => stage(formatted) } as const] : []),
    ...(grown
      ? [
          {
            what: 'expand',
            name: grown,
            call: () => controller.controllerExpandVolume({ volumeId: idOf(grown), capacityRange }),
          } as const,
        ]
      : []),
    create(`${round}-other`, 'thick'),
  ];
}

/** Sends all steps at once, cuts as soon as `acknowledged` of them have succeeded, and returns those. */
async function interrupt(steps: readonly Step[], acknowledged: number, cut: () => Promise<void>): Promise<boolean[]> {
  const enough = Promise.withResolvers<void>();
  let count = 0;
  const calls = steps.map(async ({ call }) => {
    const ok = (await outcomeOf(call())).code === 'OK';
    if (ok && ++count >= acknowledged) enough.resolve();
    return ok;
  });
  if (acknowledged > 0) await Promise.race([enough.promise, Promise.all(calls)]);
  await cut();
  return Promise.all(calls);
}

async function listed(): Promise<Map<string, number>> {
  const { entries } = await driver.client.controller.listVolumes({});
  return new Map(entries.map(({ volume }) => [volume?.volumeId.split(':')[1] ?? '', Number(volume?.capacityBytes)]));
}

function expectAcknowledged(
  steps: readonly Step[],
  done: readonly boolean[],
  after: ReadonlyMap<string, number>,
): void {
  const deleted = new Set(steps.filter(({ what }) => what === 'delete').map(({ name }) => name));
  for (const name of sizes.keys()) if (!deleted.has(name)) expect(after.has(name), name).toBe(true);
  for (const [index, { what, name }] of steps.entries()) {
    if (!done[index]) continue;
    if (what === 'create') expect(after.get(name), name).toBe(16 * MiB);
    if (what === 'delete') expect(after.has(name), name).toBe(false);
    if (what === 'expand') expect(after.get(name), name).toBe((sizes.get(name) ?? 0) + 4 * MiB);
  }
}

async function retry(steps: readonly Step[]): Promise<void> {
  for (const { what, name, call } of steps) {
    await untilDone(call);
    if (what === 'create') sizes.set(name, 16 * MiB);
    if (what === 'delete') sizes.delete(name);
    if (what === 'expand') sizes.set(name, (sizes.get(name) ?? 0) + 4 * MiB);
    if (what === 'stage' && name !== 'data') await driver.client.node.nodeUnstageVolume(staging(name));
  }
}

async function expectWhole(): Promise<void> {
  expect((await driver.client.identity.probe({})).ready?.value).toBe(true);
  expect(await listed()).toEqual(sizes);
  const lines = (await guest().shell('lvs --noheadings -o lv_name,lv_tags qfast')).trim().split('\n');
  const names = lines.filter((line) => !/^ *thinpool /.test(line)).map((line) => line.trim().split(' ')[0]);
  expect(new Set(names)).toEqual(new Set(sizes.keys()));
  expect(lines.join()).not.toContain('creating');
  expect(await guest().shell('cat /tmp/data/file')).toBe(`${written}\n`);
  written += 1;
  await guest().shell(`echo ${written} >/tmp/data/file; sync -f /tmp/data/file`);
}

async function disaster(
  round: string,
  acknowledged: number,
  cut: () => Promise<void>,
  back: () => Promise<void>,
): Promise<void> {
  const steps = plan(round);
  const done = await interrupt(steps, acknowledged, cut);
  await back();
  await driver.launch();
  await driver.ready();
  expectAcknowledged(steps, done, await listed());
  await retry(steps);
  await expectWhole();
}

const kills: number[] = Array.from({ length: 10 }, (_, index): number => index % 7);
test.each(kills.entries().toArray())(
  'keeps acknowledged volumes through kill -9, round %i, after %i acknowledged calls',
  async (round, acknowledged) => {
    await disaster(
      `kill${round}`,
      acknowledged,
      () => driver.kill(),
      async () => undefined,
    );
  },
);

test.each([0, 1, 2, 4, 6])(
  'keeps acknowledged volumes through a power cut after %i acknowledged calls',
  async (acknowledged) => {
    await disaster(
      `cut${acknowledged}`,
      acknowledged,
      () => guest().powerCut(),
      () => guest().boot(),
    );
  },
);

describe('an interrupted taking of a disk', () => {
  const marked = (device: string): Promise<string> =>
    guest().shell(`until blkid -p ${device} | grep -q LVM2; do :; done`);
  const cuts: [string, () => Promise<void>, () => Promise<void>][] = [
    ['kill -9', () => driver.kill(), async () => undefined],
    ['a power cut', () => guest().powerCut(), () => guest().boot()],
  ];
  test.each(cuts)('continues after %s', async (_what, cut, back) => {
    const device = await guest().addDisk('256M');
    await guest().shell(`kill -HUP ${driver.process().pid}`);
    await marked(device);
    await cut();
    await back();
    await driver.launch();
    await driver.ready();
    expect(await guest().shell(`pvs --noheadings -o vg_name,pv_uuid ${device}`)).toMatch(/qfast +quarry-/);
    await stage('data');
    await expectWhole();
  });
});

test('takes a disk whose label names a group that LVM did not write', async () => {
  const device = await guest().addDisk('256M');
  await driver.kill();
  // LVM writes the label, then the group's metadata. Restoring the metadata area gives the state between the two.
  await guest()
    .shell(`pvcreate -qq -y --norestorefile --uuid quarry-HALF-HALF-HALF-HALF-HALF-HALFFF --metadatasize 32m ${device}
    dd if=${device} of=/root/area bs=4096 skip=1 count=2000 status=none
    vgcreate -qq half ${device}
    dd if=/root/area of=${device} bs=4096 seek=1 conv=fsync status=none`);
  expect(await guest().shell(`pvs --noheadings -o vg_name ${device}`)).toContain('[unknown]');
  await driver.launch();
  await driver.ready();
  expect(await guest().shell(`pvs --noheadings -o vg_name,pv_uuid ${device}`)).toMatch(/qfast +quarry-/);
});

test('does not take a disk again that left its group, until it is named', async () => {
  const device = await guest().addDisk('256M');
  await guest().shell(`kill -HUP ${driver.process().pid}`);
  await driver.logged(`"device":"${device}","path":"${device}","msg":"disk taken"`);
  const group = async () => (await guest().shell(`pvs --noheadings -o vg_name ${device}`)).trim();
  await guest().shell(`pvmove -qq ${device} || true; vgreduce -qq qfast ${device}`);
  await driver.restart();
  expect((await driver.quarry('disks')).stdout).toMatch(new RegExp(`${device} .*returned .*was a member`));
  expect(await group()).toBe('');
  expect((await driver.quarry('disks', 'approve', '--all')).exitCode).toBe(0);
  expect(await group()).toBe('');
  expect((await driver.quarry('disks', 'approve', device)).exitCode).toBe(0);
  expect(await group()).toBe('qfast');
  await stage('data');
  await expectWhole();
});

test('wipes a thick volume whose wipe was cut off at the next start, so that it can be formatted', async () => {
  const tags = creationTags({
    id: idOf('half') as VolumeId,
    node: 'node-1' as NodeName,
    name: 'half',
    pool: 'fast' as PoolName,
    group: 'qfast' as VgName,
    lv: 'half' as LvName,
    size: BigInt(16 * MiB),
    layout: { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 },
    filesystem: 'none',
    mkfsOptions: [],
    qos: noQos,
    state: 'creating',
  });
  await driver.kill();
  await guest().shell(`lvcreate -qq -y -L 16m -n half ${tags.map((tag) => `--addtag ${tag}`).join(' ')} qfast
    mkfs.ext4 -q -L old /dev/qfast/half`);
  await driver.launch();
  await driver.ready();
  await driver.logged(/"volume":"node-1:half".*"msg":"interrupted creation finished"/);
  expect(await guest().shell('lvs --noheadings -o lv_tags qfast/half')).not.toContain('creating');
  expect((await guest().exec(['blkid', '-p', '/dev/qfast/half'])).exitCode).toBe(2);
  await stage('half');
  expect(await guest().shell('blkid -o value -s LABEL /dev/qfast/half || true')).not.toContain('old');
  await driver.client.node.nodeUnstageVolume(staging('half'));
  sizes.set('half', 16 * MiB);
  await expectWhole();
});

test('activates a thin pool at the next start whose activation was cut off', async () => {
  await driver.kill();
  await guest().shell(`umount /tmp/data
    part=qfast-thinpool_tmeta
    table=$(dmsetup table $part) uuid=$(dmsetup info --columns --noheadings -o uuid $part)
    vgchange -qq -an qfast
    dmsetup create $part --uuid "$uuid" --table "$table"`);
  // LVM refuses the activation, and the driver must recover.
  expect((await guest().exec(['vgchange', '-ay', 'qfast'])).stderr).toContain('prohibited while');
  await driver.launch();
  await driver.ready();
  await stage('data');
  await expectWhole();
});
