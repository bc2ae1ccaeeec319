import { beforeAll, describe, expect, test } from 'vitest';
import { type Driver, type Outcome, startDriver } from '../support/driver.ts';
import { createGroup, faults, type FaultyDisk, metadataArea } from '../support/faulty-disk.ts';
import { useGuest } from '../support/guest.ts';
import { volumeCalls } from '../support/volume-calls.ts';

const guest = useGuest({ disks: ['512M', '512M', '256M'] });
const pool = (name: string, type: string) => `
  - { name: ${name}, volumeGroup: q${name}, type: ${type}${type === 'thin' ? ', thin: { share: 50%, overprovision: 10 }' : ''} }`;
const pools = `${pool('one', 'thin')}${pool('two', 'thin')}${pool('well', 'thick')}`;

let driver: Driver;
const disks: Record<string, FaultyDisk> = {};
beforeAll(async () => {
  for (const [index, name] of ['one', 'two'].entries()) {
    disks[name] = await createGroup(guest(), `q${name}`, `/dev/ubd${'ab'[index]}`);
  }
  await guest().shell('vgcreate -qq qwell /dev/ubdc');
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

const diskOf = (name: string): FaultyDisk => disks[name] as FaultyDisk;
const ok = { code: 'OK', details: '' };
/** For hooks: fails them if the call did not succeed. */
async function succeed(call: Promise<Outcome>): Promise<void> {
  expect(await call).toEqual(ok);
}
const failed = (code: string, details: RegExp) => ({ code, details: expect.stringMatching(details) });
const unavailable = (details: RegExp) => failed('UNAVAILABLE', details);

const { create, remove, stage, unstage, publish, unpublish, stats, expand, modify, capacity } = volumeCalls(
  () => driver,
);
const write = (name: string) =>
  guest().exec(['dd', 'if=/dev/zero', `of=/run/${name}/file`, 'bs=1M', 'count=1', 'conv=fsync', 'status=none']);

/** The node and its other pools are not affected. */
async function expectRestServes(): Promise<void> {
  expect((await driver.client.identity.probe({})).ready?.value).toBe(true);
  expect(await create('unaffected', 'well')).toEqual(ok);
  expect(await remove('unaffected')).toEqual(ok);
  expect(await capacity('well')).not.toBe('0');
}

/** The commands of docs/explanation/crashes.md. */
const undoLostThinVolume = (group: string, volume: string) => `
POOL=${group}-thinpool-tpool
ID=$(dmsetup table ${group}-${volume} | cut -d' ' -f5)
dmsetup remove ${group}-${volume}
dmsetup message $POOL 0 "delete $ID"
KERNEL=$(dmsetup status $POOL | cut -d' ' -f4)
LVM=$(lvs --noheadings -o transaction_id ${group}/thinpool | tr -d ' ')
dmsetup message $POOL 0 "set_transaction_id $KERNEL $LVM"`;

describe("a fault in LVM's metadata area", () => {
  beforeAll(async () => {
    for (const name of ['kept', 'mounted', 'raw']) await succeed(create(name, 'one'));
    await succeed(stage('mounted'));
  });

  /** All calls that change the group's metadata, on volumes that exist. */
  const changes = (): readonly [string, () => Promise<Outcome>][] => [
    ['CreateVolume', () => create('new', 'one')],
    ['ControllerExpandVolume', () => expand('kept')],
    ['ControllerModifyVolume', () => modify('kept')],
    ['NodeStageVolume', () => stage('raw', 'block')],
    ['DeleteVolume', () => remove('kept')],
  ];
  async function expectRecovery(): Promise<void> {
    await diskOf('one').set();
    // Else the driver notices at the next of its regular looks.
    await guest().shell(`kill -HUP ${driver.process().pid}`);
    await expect.poll(() => modify('kept'), { timeout: 60_000 }).toEqual(ok);
    const kept = await driver.client.controller.listVolumes({});
    expect(kept.entries.map(({ volume }) => volume?.volumeId)).toContain('node-1:kept');
    for (const [name, change] of changes()) expect(await change(), name).toEqual(ok);
    expect(await unstage('raw')).toEqual(ok);
    for (const name of ['raw', 'new']) expect(await remove(name)).toEqual(ok);
    expect(await create('raw', 'one')).toEqual(ok);
    expect(await create('kept', 'one')).toEqual(ok);
  }

  test('that returns errors makes the pool unready, and its mounted volumes go on', async () => {
    await diskOf('one').set(faults.broken, metadataArea);
    const unreadable = /(?:volume group qone.*their metadata cannot be read|Volume group "qone" not found)/;
    for (const [name, change] of changes()) expect(await change(), name).toEqual(unavailable(unreadable));
    expect(await publish('mounted')).toEqual(unavailable(unreadable));
    expect(await create('other', 'one')).toEqual(failed('RESOURCE_EXHAUSTED', unreadable));
    expect(await capacity('one')).toBe('0');
    expect((await write('mounted')).exitCode).toBe(0);
    await expectRestServes();
    await expectRecovery();
    expect(await publish('mounted')).toEqual(ok);
    expect(await unpublish('mounted')).toEqual(ok);
  });

  test('that refuses writes fails each change, and the volumes stay as they were', async () => {
    await diskOf('one').set(faults.refusingWrites, metadataArea);
    const refused = /Failed to write/;
    for (const [name, change] of changes()) expect(await change(), name).toEqual(unavailable(refused));
    expect(await stats('mounted')).toEqual(ok);
    await expectRestServes();
    await expectRecovery();
  });

  test('that loses writes fails each change, although LVM succeeds', async () => {
    await diskOf('one').set(faults.losingWrites, metadataArea);
    const lost = /LVM succeeded, but its metadata on .*disk-qone has not changed: the disk loses writes/;
    for (const [name, change] of changes()) {
      if (name !== 'CreateVolume') expect(await change(), name).toEqual(unavailable(lost));
    }
    expect(await create('lost', 'one')).toEqual(unavailable(lost));
    expect(await create('lost-thin', 'one', 'thin')).toEqual(unavailable(lost));
    await expectRestServes();
    await expectRecovery();
    // LVM has left the device of the volume that it did not record.
    expect(await create('lost', 'one')).toEqual(unavailable(/Device or resource busy/));
    await guest().shell('dmsetup remove qone-lost');
    expect(await create('lost', 'one')).toEqual(ok);
    await guest().shell(undoLostThinVolume('qone', 'lost--thin'));
    expect(await create('lost-thin', 'one', 'thin')).toEqual(ok);
    for (const name of ['lost', 'lost-thin']) expect(await remove(name)).toEqual(ok);
  });

  test('that is slow delays changes, and they succeed', async () => {
    await diskOf('one').set(faults.slow, metadataArea);
    for (const [name, change] of changes()) expect(await change(), name).toEqual(ok);
    await diskOf('one').set();
  });
});

describe('a fault in the data of volumes', () => {
  beforeAll(async () => {
    for (const name of ['a', 'b']) {
      await succeed(create(`thick-${name}`, 'two'));
      await succeed(create(`thin-${name}`, 'two', 'thin'));
    }
    for (const name of ['thick-a', 'thin-a']) await succeed(stage(name));
  });
  const data = async () => [
    await diskOf('two').extentOf('qtwo-thinpool_tdata'),
    await diskOf('two').extentOf('qtwo-thick--a'),
    await diskOf('two').extentOf('qtwo-thick--b'),
  ];

  test('that returns errors fails mkfs, and the volume can be used when the disk is well', async () => {
    await diskOf('two').set(faults.broken, ...(await data()));
    expect(await stage('thick-b')).toEqual(unavailable(/thick--b could not be read: EIO/));
    expect(await stage('thin-b')).toEqual(unavailable(/ext4 could not be made on .*thin--b.*Input\/output error/));
    for (const name of ['thick-a', 'thin-a']) {
      expect((await write(name)).exitCode).toBe(1);
      expect(await expand(name)).toEqual(ok);
      expect(await stats(name)).toEqual(ok);
    }
    await expectRestServes();
    await diskOf('two').set();
    for (const name of ['thick-b', 'thin-b']) {
      expect(await stage(name)).toEqual(ok);
      expect(await unstage(name)).toEqual(ok);
    }
    // The kernel has given up the filesystems that were mounted; a new mount checks and repairs them.
    for (const name of ['thick-a', 'thin-a']) {
      expect(await unstage(name)).toEqual(ok);
      expect(await stage(name)).toEqual(ok);
      expect((await write(name)).exitCode).toBe(0);
    }
  });

  test('that loses writes fails mkfs, and the volume can be used when the disk is well', async () => {
    for (const [name, type] of [
      ['thick-c', 'thick'],
      ['thin-c', 'thin'],
    ] as const)
      expect(await create(name, 'two', type)).toEqual(ok);
    await diskOf('two').set(faults.losingWrites, ...(await data()), await diskOf('two').extentOf('qtwo-thick--c'));
    const lost = /ext4 was made on .*--c, but cannot be read from it: the disk loses writes/;
    for (const name of ['thick-c', 'thin-c']) expect(await stage(name)).toEqual(unavailable(lost));
    await diskOf('two').set();
    for (const name of ['thick-c', 'thin-c']) expect(await stage(name)).toEqual(ok);
  });

  test('that is slow delays a stage, and it succeeds', async () => {
    expect(await create('thin-d', 'two', 'thin')).toEqual(ok);
    await diskOf('two').set(faults.slow, await diskOf('two').extentOf('qtwo-thinpool_tdata'));
    expect(await stage('thin-d')).toEqual(ok);
    await diskOf('two').set();
  });

  test('of single sectors: a device that cannot be read is not taken for blank, and nothing is written to it', async () => {
    for (const name of ['thick-e', 'thick-f']) expect(await create(name, 'two')).toEqual(ok);
    expect(await stage('thick-f')).toEqual(ok);
    expect(await unstage('thick-f')).toEqual(ok);
    const blank = await diskOf('two').extentOf('qtwo-thick--e');
    const used = await diskOf('two').extentOf('qtwo-thick--f');
    await diskOf('two').set(faults.badSectors, blank, used);
    for (const part of [blank, used]) await diskOf('two').spoil(part, 8);
    for (const name of ['thick-e', 'thick-f']) expect(await stage(name)).toEqual(unavailable(/could not be read: EIO/));
    await guest().shell('dd if=/dev/zero of=/dev/qtwo/thick-e bs=4096 count=1 oflag=direct status=none');
    expect(await stage('thick-e')).toEqual(ok);
    await diskOf('two').set();
    expect(await stage('thick-f')).toEqual(ok);
  });
});

describe('a fault in the metadata of a thin pool', () => {
  test('makes the pool fail until it is repaired, and thick volumes of the group go on', async () => {
    expect(await create('thin-e', 'two', 'thin')).toEqual(ok);
    await diskOf('two').set(faults.broken, await diskOf('two').extentOf('qtwo-thinpool_tmeta'));
    const reason = /thin pool qtwo\/thinpool has failed: .*lvconvert --repair/;
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await create('thin-new', 'two', 'thin')).toEqual(failed('RESOURCE_EXHAUSTED', reason));
    }
    expect(await expand('thin-a', 256)).toEqual(failed('RESOURCE_EXHAUSTED', reason));
    expect(await stage('thin-e')).toEqual(unavailable(/thin--e could not be read: EIO/));
    expect(await remove('thin-e')).toEqual(unavailable(reason));
    expect(await modify('thin-a')).toEqual(ok);
    expect(await capacity('two')).toBe('0');
    expect(await create('thick-new', 'two')).toEqual(ok);
    expect((await write('thick-a')).exitCode).toBe(0);
    await expectRestServes();

    await diskOf('two').set();
    expect(await create('thin-new', 'two', 'thin')).toEqual(failed('RESOURCE_EXHAUSTED', reason));
    for (const name of ['thin-a', 'thin-c', 'thin-d', 'thick-a', 'thick-c', 'thick-e', 'thick-f'])
      expect(await unstage(name)).toEqual(ok);
    await guest().shell('vgchange -qq -an qtwo; lvconvert -qq -y --repair qtwo/thinpool; vgchange -qq -ay qtwo');
    expect(await create('thin-new', 'two', 'thin')).toEqual(ok);
    expect(await stage('thin-a')).toEqual(ok);
    expect((await write('thin-a')).exitCode).toBe(0);
    expect(await remove('thin-e')).toEqual(ok);
  });
});
