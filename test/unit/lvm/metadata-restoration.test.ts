import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { GroupState } from '../../../src/domain/groups.ts';
import type { VgName } from '../../../src/domain/ids.ts';
import { LostMetadata } from '../../../src/lvm/metadata/lost-metadata.ts';
import type { GroupText } from '../../../src/lvm/metadata/texts.ts';
import type { PhysicalVolume } from '../../../src/lvm/physical-volumes.ts';
import { spec } from './fake-lvm.ts';
import { folderOfTest } from '../../support/folder-of-test.ts';

const group = spec.group;
const away: GroupState = { state: 'away', reason: 'its disks are missing' };
const bytes = Buffer.from('the text');
const text = (disks: readonly string[]): GroupText => ({ uuid: 'A', sequence: 7, tags: new Map(), disks, bytes });

let steps: string[];
let lines: string[];
let state: GroupState;
let claimed: string[];
let isPools: boolean;
let texts: readonly GroupText[];
let members: string[];
let missingDevices: number;
let unsound: string[];
let failing: string | undefined;
let directory: string;
let lost: LostMetadata;

beforeEach(async () => {
  [steps, lines, state, claimed, isPools] = [[], [], away, ['sda', 'sdb'], true];
  [texts, members, missingDevices, unsound] = [[text(['sda', 'sdb'])], ['/dev/sda', '/dev/sdb'], 0, []];
  failing = undefined;
  directory = folderOfTest();
  const say = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const volume = (uuid: string) => ({ device: `/dev/${uuid}`, uuid, claimed: true }) as PhysicalVolume;
  lost = new LostMetadata({
    specs: [spec],
    directory,
    log: { debug: say, info: say, warn: say, error: say },
    records: { backupOf: async () => '', isPools: () => isPools },
    areas: {
      isSound: async (device) => {
        steps.push(`look at ${device}`);
        return !unsound.includes(device);
      },
      readLost: async (device) => {
        steps.push(`read ${device}`);
        return { found: Buffer.alloc(10, 'x'), texts };
      },
    },
    cache: {
      devicesOf: () => members,
      report: () => ({ groups: [{ group, missingDevices }] }) as never,
      refresh: async () => steps.push('refresh') as never,
    },
    writer: {
      exclusive: async (_group, _signal, task) => {
        steps.push('turn');
        return task();
      },
      slowChange: async (_what, argv) => {
        steps.push(argv.join(' '));
        if (failing !== undefined && argv[0] === failing) throw new Failure('unavailable', 'LVM refuses');
      },
    },
    devices: { flush: async (device) => void steps.push(`flush ${device}`) },
    search: () => ({ claimed: claimed.map(volume), groups: new Map([[group, state]]) }),
    show: async (devices) => void steps.push(`show ${devices.join(' ')}`),
  });
});

describe('a group that LVM does not find', () => {
  test('is written to all of its disks, which LVM sees before, and flushed', async () => {
    expect(await lost.restore()).toBe(true);
    const file = join(directory, 'metadata-of-vg');
    expect(await readFile(file)).toEqual(bytes);
    expect(steps).toEqual([
      'read /dev/sda',
      'read /dev/sdb',
      'show /dev/sda /dev/sdb',
      'turn',
      `pvck -y --repairtype metadata -f ${file} ${directory}/devices/sda`,
      `pvck -y --repairtype metadata -f ${file} ${directory}/devices/sdb`,
      'flush /dev/sda',
      'flush /dev/sdb',
    ]);
    expect(lines).toEqual([
      expect.stringContaining('the state before it is restored {"group":"vg","uuid":"A","sequence":7'),
    ]);
  });

  test('may be one that was never recorded', async () => {
    state = { state: 'none' };
    expect(await lost.restore()).toBe(true);
  });

  test("is left alone if it is here, if no disk claims to be of a group, and if it is not the pool's", async () => {
    state = { state: 'present', uuid: 'A' };
    expect(await lost.restore()).toBe(false);
    [state, claimed] = [away, []];
    expect(await lost.restore()).toBe(false);
    expect(steps).toEqual([]);
    [claimed, isPools] = [['sda', 'sdb'], false];
    expect(await lost.restore()).toBe(false);
    [texts, isPools] = [[], true];
    expect(await lost.restore()).toBe(false);
    expect(steps.some((step) => step.startsWith('pvck'))).toBe(false);
    expect(lines).toEqual([]);
  });

  test('waits for its other disks, which the log names once', async () => {
    claimed = ['sda'];
    expect([await lost.restore(), await lost.restore()]).toEqual([false, false]);
    expect(lines).toEqual([expect.stringMatching(/is lost .*bring back the physical volumes sdb/)]);
    expect(steps).toEqual(['read /dev/sda', 'read /dev/sda']);
    await expect(readFile(join(directory, 'metadata-of-vg'))).rejects.toThrow('ENOENT');
  });

  test('waits for a person where its only disk may have damaged it, with the command and its file', async () => {
    [claimed, texts] = [['sda'], [text(['sda'])]];
    expect(await lost.restore()).toBe(false);
    const file = join(directory, 'metadata-of-vg');
    expect(lines).toEqual([expect.stringContaining(`pvck -y --repairtype metadata -f ${file} /dev/sda`)]);
    expect(await readFile(file)).toEqual(bytes);
    expect(steps).toEqual(['read /dev/sda']);
  });

  test('is not back if LVM refuses to write it', async () => {
    failing = 'pvck';
    await expect(lost.restore()).rejects.toThrow('LVM refuses');
    expect(lines).toEqual([]);
  });
});

describe('a disk of a group that lost the metadata alone', () => {
  test('gets it again, and each disk is looked at once', async () => {
    unsound = ['/dev/sdb'];
    expect(await lost.settle(group)).toEqual([]);
    expect(steps).toEqual(['look at /dev/sda', 'look at /dev/sdb', 'turn', 'vgck --updatemetadata vg', 'refresh']);
    expect(lines).toEqual([expect.stringContaining('it was written again {"group":"vg","devices":["/dev/sdb"]}')]);
    steps.length = 0;
    members.push('/dev/sdc', '[unknown]');
    expect(await lost.settle(group)).toEqual([]);
    expect(steps).toEqual(['look at /dev/sdc']);
    expect(await lost.settle(group)).toEqual([]);
    expect(steps).toEqual(['look at /dev/sdc']);
  });

  test('is tried again if LVM refuses', async () => {
    [unsound, failing] = [['/dev/sda'], 'vgck'];
    expect(await lost.settle(group)).toEqual(['LVM refuses']);
    failing = undefined;
    expect(await lost.settle(group)).toEqual([]);
    expect(steps.slice(-2)).toEqual(['vgck --updatemetadata vg', 'refresh']);
  });

  test('waits until no disk is missing: LVM would write that down for good', async () => {
    [unsound, missingDevices] = [['/dev/sda'], 1];
    expect(await lost.settle(group)).toEqual([]);
    expect(await lost.settle('other' as VgName)).toEqual([]);
    expect(steps).toEqual([]);
  });
});
