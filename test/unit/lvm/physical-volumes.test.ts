import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import type { Run } from '../../../src/exec/run.ts';
import { listPhysicalVolumes } from '../../../src/lvm/physical-volumes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-pvs-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** The group of each physical volume; `host`: the devices that the host's configuration shows. */
const groups: Record<string, string> = { '/dev/a': 'ours', '/dev/b': 'ours', '/dev/c': 'theirs' };
let stuck: ReadonlySet<string>;
let host: readonly string[];

/** `pvs`: fails at its deadline if it has to read a stuck device. */
const run: Run = async (argv) => {
  const links = /scan=\["([^"]+)"\]/.exec(argv.join(' '))?.[1];
  const devices = links === undefined ? host : (await readdir(links)).map((name) => `/dev/${name}`).toSorted();
  if (devices.some((device) => stuck.has(device))) throw new Failure('unavailable', 'lvm did not end within 1000 ms');
  const pv = devices.map((device) => ({
    pv_name: links === undefined ? device : join(links, device.slice('/dev/'.length)),
    pv_uuid: `uuid-${device}`,
    vg_name: groups[device] ?? '',
  }));
  return { exitCode: 0, stdout: JSON.stringify({ report: [{ pv }] }), stderr: '' };
};

const listed = async (candidates: readonly string[]) => {
  const options = { run, program: ['lvm'], env: {}, deadline: 1000 } as const;
  const { volumes, problems, hostProblem } = await listPhysicalVolumes(options, join(folder, 'links'), candidates);
  return {
    volumes: volumes.map(({ device, group }) => `${device} ${group}`).toSorted(),
    problems: [...problems.keys()],
    hostProblem,
  };
};

test('finds physical volumes that the host configuration shows or hides', async () => {
  [stuck, host] = [new Set(), ['/dev/c']];
  expect(await listed(['/dev/a', '/dev/b'])).toEqual({
    volumes: ['/dev/a ours', '/dev/b ours', '/dev/c theirs'],
    problems: [],
    hostProblem: undefined,
  });
});

test('lists the disks of the rules while a foreign disk hangs', async () => {
  [stuck, host] = [new Set(['/dev/x']), ['/dev/c', '/dev/x']];
  expect(await listed(['/dev/a', '/dev/b'])).toEqual({
    volumes: ['/dev/a ours', '/dev/b ours'],
    problems: [],
    hostProblem: expect.stringMatching(/did not end/),
  });
});

test('names a disk of a rule that hangs, and lists the others', async () => {
  [stuck, host] = [new Set(['/dev/b']), ['/dev/a', '/dev/b', '/dev/c']];
  expect(await listed(['/dev/a', '/dev/b'])).toMatchObject({ volumes: ['/dev/a ours'], problems: ['/dev/b'] });
});

test('fails if LVM reports on no device at all', async () => {
  [stuck, host] = [new Set(['/dev/a']), ['/dev/a']];
  await expect(listed(['/dev/a'])).rejects.toMatchObject({ kind: 'unavailable' });
});
