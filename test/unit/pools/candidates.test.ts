import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Candidate, findCandidates, type PhysicalVolume } from '../../../src/pools/candidates.ts';
import type { GroupState, GroupStates } from '../../../src/domain/groups.ts';
import { parseVgName } from '../../../src/domain/ids.ts';
import {
  diskUuid as ours,
  FakeMachine,
  firstText,
  metadataHeader,
  metadataText,
  poolOf,
  probeOf,
  pvLabel,
} from './fake-machine.ts';

const foreign = 'AbCdEf-AbCd-EfGh-IjKl-MnOp-QrSt-UvWxYz';
const fast = poolOf('fast', { paths: ['/dev/nvme*'] });
const slow = poolOf('slow', { paths: ['/dev/sd*'] });

let machine: FakeMachine;
beforeEach(async () => {
  machine = await FakeMachine.create();
});
afterEach(() => machine[Symbol.asyncDispose]());

function find(
  pools = [fast, slow],
  volumes: Record<string, PhysicalVolume> = {},
  unread: Record<string, string> = {},
  groups: GroupStates = new Map(),
): Promise<Candidate[]> {
  const found = new Map(Object.entries(volumes).map(([name, volume]) => [machine.device(name), volume]));
  const problems = new Map(Object.entries(unread).map(([name, problem]) => [machine.device(name), problem]));
  return findCandidates(pools, { found, problems, groups }, probeOf(machine));
}

function summary(candidates: readonly Candidate[]) {
  return candidates.map((candidate) => [
    candidate.pool.name,
    candidate.device.split('/').at(-1),
    candidate.verdict,
    ...(candidate.verdict === 'refused' ? candidate.findings : []),
  ]);
}

function group(name: string): PhysicalVolume {
  return { uuid: foreign, group: parseVgName(name) };
}

test('proposes blank disks in the order of the pools, and none for pools without a rule', async () => {
  await machine.add('sda');
  await machine.add('nvme0n1', { links: ['disk/by-id/nvme-x'] });
  const candidates = await find([poolOf('adopted', undefined), fast, slow]);
  expect(summary(candidates)).toEqual([
    ['fast', 'nvme0n1', 'proposed'],
    ['slow', 'sda', 'proposed'],
  ]);
  expect(candidates[0]).toMatchObject({ size: 8n * 1024n * 1024n, disk: { name: 'nvme0n1' } });
});

test('accepts members of the group with any content, and refuses those of another group by its name', async () => {
  await machine.add('sda', { holders: ['dm-0'] });
  await machine.add('sdb');
  await machine.add('sdc');
  await machine.write('sda', 512, pvLabel(foreign));
  const volumes = { sda: group('vg-slow'), sdb: group('rootvg'), sdc: group('vg-fast') };
  expect(summary(await find([fast, slow], volumes))).toEqual([
    ['slow', 'sda', 'member'],
    ['slow', 'sdb', 'refused', 'it belongs to the volume group rootvg'],
    ['slow', 'sdc', 'refused', 'it belongs to the volume group vg-fast of pool fast'],
  ]);
});

test('continues an interrupted disk, and refuses a foreign physical volume', async () => {
  await machine.add('sda');
  await machine.add('sdb');
  await machine.write('sda', 512, pvLabel(ours));
  await machine.write('sda', 4096, metadataHeader());
  await machine.write('sdb', 512, pvLabel(foreign));
  const candidates = await find([slow], { sda: { uuid: ours, claimed: true }, sdb: { uuid: foreign } });
  expect(candidates[0]).toMatchObject({ verdict: 'interrupted', claimed: true });
  expect(summary(candidates)[1]).toEqual([
    'slow',
    'sdb',
    'refused',
    `it is a physical volume of no volume group (uuid ${foreign}), not made by Quarry`,
    `blkid sees LVM2_member (uuid ${foreign})`,
    `wipefs sees LVM2_member (uuid ${foreign})`,
    'the first MiB is not zero: data at byte 512',
  ]);
});

test('continues a disk that its group was about to get, and reports it as returned once the group has changed', async () => {
  await machine.add('sda');
  await machine.add('sdb', { holders: ['dm-0'] });
  await machine.write('sda', 512, pvLabel(ours));
  await machine.write('sda', 4096, metadataHeader());
  await machine.write('sda', firstText, metadataText({ group: 'vg-slow', uuid: 'A', sequence: 4 }, [], ours));
  const known: GroupState = { state: 'present', uuid: 'A' };
  const look = (groupSequence: number) => {
    const member = { ...group('vg-slow'), groupUuid: 'A', groupSequence };
    return find([slow], { sda: { uuid: ours }, sdb: member }, {}, new Map([[slow.group, known]]));
  };
  expect((await look(3)).map(({ verdict }) => verdict)).toEqual(['interrupted', 'member']);
  expect((await look(4)).map(({ verdict }) => verdict)).toEqual(['returned', 'member']);
});

test('continues no disk of a group that has not been identified yet', async () => {
  await machine.add('sda');
  await machine.add('sdb', { holders: ['dm-0'] });
  await machine.write('sda', 512, pvLabel(ours));
  await machine.write('sda', 4096, metadataHeader());
  await machine.write('sda', firstText, metadataText({ group: 'vg-slow', uuid: 'A', sequence: 4 }, [], ours));
  const member = { ...group('vg-slow'), groupUuid: 'A', groupSequence: 3 };
  const found = await find([slow], { sda: { uuid: ours }, sdb: member });
  expect(found.map(({ verdict }) => verdict)).toEqual(['returned', 'member']);
});

test('does not go on with the taking of a disk that has something else, in its first byte', async () => {
  await machine.add('sda');
  await machine.write('sda', 512, pvLabel(ours));
  await machine.write('sda', 4096, metadataHeader());
  await machine.write('sda', firstText, metadataText({ group: 'vg-slow', uuid: 'A', sequence: 4 }, [], ours));
  const known: GroupState = { state: 'present', uuid: 'A' };
  await machine.add('sdb', { holders: ['dm-0'] });
  const member = { ...group('vg-slow'), groupUuid: 'A', groupSequence: 3 };
  const look = () => find([slow], { sda: { uuid: ours }, sdb: member }, {}, new Map([[slow.group, known]]));
  expect((await look()).map(({ verdict }) => verdict)).toEqual(['interrupted', 'member']);
  await machine.write('sda', 0, Buffer.of(1));
  expect((await look()).map(({ verdict }) => verdict)).not.toContain('interrupted');
});

test('reports a former member of a group as returned, and says how it can be taken again', async () => {
  await machine.add('sda');
  await machine.write('sda', 512, pvLabel(ours));
  await machine.write('sda', 4096, metadataHeader());
  await machine.write('sda', 4608, 'vg-slow {\n');
  const [candidate] = await find([slow], { sda: { uuid: ours } });
  expect(candidate).toMatchObject({
    verdict: 'returned',
    findings: [
      expect.stringMatching(/was a member .* approve it by its name/),
      'it has metadata of a volume group (name vg-slow, sequence number unknown)',
    ],
  });
});

test('refuses a disk with our mark that LVM does not know, or that has other data', async () => {
  await machine.add('sda');
  await machine.add('sdb', { holders: ['dm-1'] });
  for (const name of ['sda', 'sdb']) await machine.write(name, 512, pvLabel(ours));
  const candidates = await find([slow], { sdb: { uuid: ours } });
  expect(candidates.map(({ verdict }) => verdict)).toEqual(['refused', 'refused']);
  expect(summary(candidates)[1]?.slice(3)).toEqual(['it is held by dm-1']);
});

test('refuses a foreign physical volume on a disk that looks blank', async () => {
  await machine.add('sda');
  const [candidate] = await find([slow], { sda: { uuid: foreign } });
  expect(candidate).toMatchObject({ verdict: 'refused', findings: [expect.stringContaining(foreign)] });
});

test('refuses a member of a second group of the same name, with both UUIDs', async () => {
  await machine.add('sda');
  await machine.add('sdb');
  const slowGroup = slow.group;
  const volumes = {
    sda: { uuid: ours, group: slowGroup, groupUuid: 'own' },
    sdb: { uuid: ours, group: slowGroup, groupUuid: 'other' },
  };
  const found = await find([slow], volumes, {}, new Map([[slowGroup, { state: 'present', uuid: 'own' }]]));
  expect(summary(found)).toEqual([
    ['slow', 'sda', 'member'],
    [
      'slow',
      'sdb',
      'refused',
      'it belongs to a volume group named vg-slow with UUID other, and the group of this pool has UUID own',
    ],
  ]);
});

test('refuses disks for a pool whose group may come back', async () => {
  await machine.add('sda');
  const reason = 'volume group vg-slow (UUID own) is not here';
  const groups: GroupStates = new Map([[slow.group, { state: 'away', reason }]]);
  expect(summary(await find([slow], {}, {}, groups))).toEqual([
    ['slow', 'sda', 'refused', 'nothing is taken for its pool: volume group vg-slow (UUID own) is not here'],
  ]);
});

test('refuses a disk that two pools match, unless it is a member of one', async () => {
  await machine.add('sda');
  const other = poolOf('other', { paths: ['/dev/sda'] });
  const finding = 'the rules of several pools match it: slow, other';
  expect(summary(await find([slow, other]))).toEqual([
    ['slow', 'sda', 'refused', finding],
    ['other', 'sda', 'refused', finding],
  ]);
  expect(summary(await find([slow, other], { sda: { uuid: ours } })).map(([, , verdict]) => verdict)).toEqual([
    'refused',
    'refused',
  ]);
  expect(summary(await find([slow, other], { sda: group('vg-other') }))).toEqual([
    ['slow', 'sda', 'refused', 'it belongs to the volume group vg-other of pool other'],
    ['other', 'sda', 'member'],
  ]);
});

test('refuses two paths to one disk, and a second path to a member', async () => {
  await machine.add('sda', { wwid: 'naa.5000' });
  await machine.add('sdb', { wwid: 'naa.5000' });
  await machine.add('sdc', { wwid: 'naa.5001' });
  const twin = (name: string) => `${machine.device(name)} is the same disk by another path (wwid naa.5000)`;
  expect(summary(await find([slow]))).toEqual([
    ['slow', 'sda', 'refused', twin('sdb')],
    ['slow', 'sdb', 'refused', twin('sda')],
    ['slow', 'sdc', 'proposed'],
  ]);
  expect(summary(await find([slow], { sda: group('vg-slow') }))[1]).toEqual(['slow', 'sdb', 'refused', twin('sda')]);
});

test('refuses a device that the kernel does not describe, without a size', async () => {
  await machine.add('sda');
  await machine.add('nvme0n1');
  await writeFile(join(machine.sysfs('nvme0n1'), 'size'), '\n');
  const [first, second] = await find();
  expect(first).toMatchObject({ verdict: 'refused', device: machine.device('nvme0n1') });
  expect(first).not.toHaveProperty('size');
  expect(second).toMatchObject({ verdict: 'proposed' });
});

test('refuses a disk that LVM cannot read, because it may be a physical volume', async () => {
  await machine.add('sda');
  const [candidate] = await find([fast, slow], {}, { sda: 'lvm did not end within 1000 ms' });
  expect(candidate).toMatchObject({
    verdict: 'refused',
    findings: [expect.stringMatching(/LVM cannot read it.*1000 ms/)],
  });
});
