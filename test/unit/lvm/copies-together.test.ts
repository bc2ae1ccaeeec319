import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LvName, VgName } from '../../../src/domain/ids.ts';
import { createRun } from '../../../src/exec/run.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';
import { createCopiesTogether } from '../../../src/lvm/snapshots/copies-together.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'copies-'))));
afterEach(() => rm(folder, { recursive: true }));

const group = 'my-group' as VgName;
const copies = ['1', '2'].map((origin) => ({
  type: 'thin' as const,
  group,
  thinPool: 'thinpool' as LvName,
  origin,
  copy: `1${origin}`,
  device: `volume-${origin}` as LvName,
}));

/** Writes its words to a file. `hangs`: a pattern of words with which it does not end; `fails`: with which it ends with an error. */
async function withDmsetup(
  { hangs = 'never', fails = 'never', prints = '', suspended = [] as string[] },
  pauseLimit = 10_000,
) {
  const path = join(folder, 'dmsetup');
  await writeFile(
    path,
    `#!/bin/sh
echo "$*" >> ${folder}/log
printf '%s' '${prints}'
case "$*" in ${hangs}) exec sleep 60;; ${fails}) echo 'it does not work' >&2; exit 1;; esac\n`,
  );
  await chmod(path, 0o755);
  const run = createRun(
    createSurvivors(() => undefined),
    `${folder}:${process.env['PATH']}`,
  );
  const paused: number[] = [];
  const lock = join(folder, 'control');
  await writeFile(lock, '');
  const together = createCopiesTogether({
    run,
    hosted: (name) => [name],
    pauseLimit,
    lock,
    suspended: async () => suspended,
    paused: (milliseconds) => paused.push(milliseconds),
  });
  return { together, paused, log: async () => (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n') };
}

/** A program that writes its words to the same file, and ends in that way. */
async function withProgram(name: string, end: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\necho "${name} $*" >> ${folder}/log\n${end}\n`);
  await chmod(join(folder, name), 0o755);
}
const withDd = (end: string) => withProgram('dd', end);

const pool = 'message my--group-thinpool-tpool 0';
const suspended = ['suspend my--group-volume--1', 'suspend my--group-volume--2'];
const resumed = ['resume --noudevsync my--group-volume--1', 'resume --noudevsync my--group-volume--2'];

test('suspends all origins before the first copy, and resumes them after the last', async () => {
  const { together, paused, log } = await withDmsetup({});
  await together.take(copies);
  const lines = await log();
  expect(lines.slice(0, 2)).toEqual([`${pool} delete 11`, `${pool} delete 12`]);
  expect(lines.slice(2, 4).toSorted()).toEqual(suspended);
  expect(lines.slice(4, 6).toSorted()).toEqual([`${pool} create_snap 11 1`, `${pool} create_snap 12 2`]);
  expect(lines.slice(6).toSorted()).toEqual(resumed);
  expect(paused).toHaveLength(1);
});

describe('what waits in the page cache', () => {
  const [first, second] = ['/dev/mapper/my--group-volume--1', '/dev/mapper/my--group-volume--2'];
  const twice = (lines: readonly string[]) => [...lines, ...lines].toSorted();
  /** The words of the programs before the first suspension, without those that prepare. */
  const before = (lines: readonly string[]) =>
    lines
      .slice(
        2,
        lines.findIndex((line) => line.startsWith('suspend')),
      )
      .toSorted();

  test('is written out twice before the first suspension: of a filesystem, or of a device without one', async () => {
    const { together, log } = await withDmsetup({});
    await withProgram('sync', 'exit 0');
    await withProgram('findmnt', 'case "$*" in *volume--1) echo /mounted;; *) exit 1;; esac');
    await together.take(copies);
    const looked = [first, second].map((device) => `findmnt -nfo TARGET -S ${device}`);
    expect(before(await log())).toEqual(twice([...looked, 'sync -f /mounted', `sync ${second}`]));
  });

  test('is left to the suspension if it cannot be written out', async () => {
    const { together, paused } = await withDmsetup({});
    await withProgram('sync', 'exit 1');
    await withProgram('findmnt', 'exit 127');
    await together.take(copies);
    expect(paused).toHaveLength(1);
  });
});

describe('a thick snapshot', () => {
  const thick = [
    { type: 'thick' as const, group, snapshot: 'snap-1' as LvName, device: 'volume-1' as LvName },
    ...copies.slice(1),
  ];
  const name = 'my--group-snap--1';

  test('loses its exceptions before the pause, and gets its table within it', async () => {
    const { together, log } = await withDmsetup({ prints: '0 8 snapshot 16/100 16' });
    await withDd('exit 0');
    await together.take(thick);
    const lines = await log();
    expect(lines.slice(0, 7)).toEqual([
      `table ${name}`,
      `reload ${name} --table 0 8 error`,
      `suspend --noflush --nolockfs ${name}`,
      `resume --noudevsync ${name}`,
      `dd if=/dev/zero of=/dev/mapper/${name}-cow bs=4096 count=1 oflag=direct conv=notrunc,fsync status=none`,
      `reload ${name} --table 0 8 snapshot 16/100 16`,
      `${pool} delete 12`,
    ]);
    expect(lines.slice(7, 9).toSorted()).toEqual(suspended);
    const copied = [`${pool} create_snap 12 2`, `resume --noudevsync ${name}`, `status ${name}`];
    expect(lines.slice(9, -2).toSorted()).toEqual(copied);
    expect(lines.slice(-2).toSorted()).toEqual(resumed);
  });

  test('fails if its first block cannot be written, before anything is suspended', async () => {
    const { together, log } = await withDmsetup({ prints: '0 8 snapshot 254:1 254:2 P 8' });
    await withDd('echo no >&2; exit 1');
    await expect(together.take(thick)).rejects.toMatchObject({ kind: 'unavailable', message: 'no' });
    expect((await log()).filter((line) => line.startsWith('suspend my--group-volume'))).toEqual([]);
  });

  test.each([
    ['has kept blocks before', '0 8 snapshot 24/100 16'],
    ['is overfull', '0 8 snapshot Invalid'],
    ['has another table', '0 8 error snapshot 8'],
  ])('fails if it %s, and the origins are resumed', async (_, prints) => {
    const { together, log } = await withDmsetup({ prints });
    await withDd('exit 0');
    const message = `${name} is no blank snapshot, but: ${prints}`;
    await expect(together.take(thick)).rejects.toMatchObject({ kind: 'unavailable', message });
    expect((await log()).slice(-2).toSorted()).toEqual(resumed);
  });

  test('that was cut off loses the table that waits, if it has a device', async () => {
    const there = await withDmsetup({ prints: `my--group-a\n${name}\n` });
    await there.together.abandon(group, 'snap-1' as LvName);
    expect((await there.log()).slice(1)).toEqual([`clear ${name}`, `resume --noudevsync ${name}`]);
    await rm(join(folder, 'log'));
    const gone = await withDmsetup({ prints: 'my--group-a\n' });
    await gone.together.abandon(group, 'snap-1' as LvName);
    expect(await gone.log()).toHaveLength(1);
  });

  test('is abandoned only after the programs that took it have ended', async () => {
    const { together, log } = await withDmsetup({ hangs: 'suspend*volume--2', prints: `${name}\n snapshot ` }, 500);
    await withDd('exit 0');
    const taken = expect(together.take(thick)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect.poll(log).toContain('suspend my--group-volume--2');
    await together.abandon(group, 'snap-1' as LvName);
    await taken;
    const lines = await log();
    const ends = [...resumed, `clear ${name}`].map((line) => lines.indexOf(line));
    expect(Math.max(...ends)).toBe(ends[2]);
  });
});

test('copies an inactive volume without a pause', async () => {
  const { together, log } = await withDmsetup({});
  await together.take(copies.map((copy) => ({ ...copy, device: undefined })));
  expect((await log()).filter((line) => /suspend|resume/.test(line))).toEqual([]);
});

test.each([`*create_snap*12*`, `*suspend*2*`])('resumes all origins at the limit if "%s" hangs', async (hangs) => {
  const { together, log } = await withDmsetup({ hangs }, 300);
  await expect(together.take(copies)).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'writes were paused for 300 ms, the most that is allowed',
  });
  expect((await log()).slice(-2).toSorted()).toEqual(resumed);
});

test('resumes all origins if a copy fails, and says why', async () => {
  const { together, log } = await withDmsetup({ fails: '*create_snap*12*' });
  await expect(together.take(copies)).rejects.toMatchObject({ kind: 'unavailable', message: 'it does not work' });
  expect((await log()).slice(-2).toSorted()).toEqual(resumed);
});

test('resumes only suspended volumes of the groups', async () => {
  const devices = ['my--group-a--b', 'my--group-d-tpool', 'my--group--e-f'];
  const { together, log } = await withDmsetup({ suspended: devices });
  expect(await together.resume([group])).toEqual(['my--group-a--b']);
  expect(await log()).toEqual(['resume --noudevsync my--group-a--b']);
});
