import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import fc from 'fast-check';
import { createStartSession, type StartSession } from '../../../src/exec/session.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';
import { createLvm } from '../../../src/lvm/process/client.ts';
import type { Lvm } from '../../../src/lvm/process/lvm.ts';
import { LvmShell } from '../../../src/lvm/process/shell.ts';

const program = [process.execPath, join(import.meta.dirname, 'fake-program.mjs')] as const;
const survivors = createSurvivors(() => undefined);
let folder: string;
let shell: LvmShell;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-shell-'));
  const env = { FAKE_LOG: join(folder, 'log') };
  shell = new LvmShell({ start: createStartSession(survivors), program, env, deadline: 20_000 });
});
afterEach(async () => {
  shell.restart();
  await rm(folder, { recursive: true });
});

test('the process has the profile of LVM that makes it answer with one document on a descriptor', async () => {
  const started: Readonly<Record<string, string>>[] = [];
  const start: StartSession = (argv, env) => {
    started.push(env);
    return createStartSession(survivors)(argv, { ...env, FAKE_LOG: join(folder, 'log') });
  };
  const own = new LvmShell({ start, program, env: { LVM_SYSTEM_DIR: '/x' }, deadline: 20_000 });
  onTestFinished(() => own.restart());
  await own.run(['lvs']);
  expect(started).toEqual([{ LVM_SYSTEM_DIR: '/x', LVM_REPORT_FD: '3', LVM_COMMAND_PROFILE: 'lvmdbusd' }]);
});

/** The process of each command that reached the program. */
async function processes(): Promise<Map<string, string>> {
  const lines = (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');
  return new Map(lines.map((line) => line.split(' ') as [string, string]).map(([pid, word]) => [word, pid]));
}

const echo = (word: string) => ({ ok: true, rows: [{ echo: word }] });
const unknown = expect.objectContaining({ kind: 'unavailable' });

test('one process answers several commands, each with its own answer', async () => {
  const words = Array.from({ length: 20 }, (_, index) => `word${index}`);
  expect(await Promise.all(words.map((word) => shell.run([word])))).toEqual(words.map(echo));
  expect(new Set((await processes()).values()).size).toBe(1);
});

test('joins an answer that arrives in many pieces', async () => {
  expect(await shell.run(['pieces'])).toEqual({ ok: true, rows: [{ text: 'a\n}\n b' }, { text: '☃' }] });
});

test('returns the reasons of a refusal from the log', async () => {
  expect(await shell.run(['refuse'])).toEqual({ ok: false, messages: ['no room'] });
});

test('returns the lines that helpers printed on stderr, without warnings', async () => {
  expect(await shell.run(['refuse-and-warn'])).toEqual({ ok: false, messages: ['no room', 'thin_check: broken'] });
});

test.each(['die', 'halfway', 'mute', 'other'])(
  'reports an unknown outcome after "%s", and starts another process for the next command',
  async (word) => {
    const [lost, next] = await Promise.allSettled([shell.run([word]), shell.run(['next'])]);
    expect(lost).toMatchObject({ status: 'rejected', reason: unknown });
    expect(next).toMatchObject({ status: 'fulfilled', value: echo('next') });
    const pids = await processes();
    expect(pids.get('next')).not.toBe(pids.get(word));
  },
);

test('kills a stuck process at the deadline, and starts another for the next command', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  await shell.run(['first']);
  const both = Promise.allSettled([shell.run(['stuck']), shell.run(['next'])]);
  while (!(await processes()).has('stuck'));
  vi.advanceTimersByTime(20_000);
  const [lost, next] = await both;
  expect(lost).toMatchObject({ status: 'rejected', reason: unknown });
  expect(next).toMatchObject({ status: 'fulfilled', value: echo('next') });
  const pids = await processes();
  expect(pids.get('stuck')).toBe(pids.get('first'));
  expect(pids.get('next')).not.toBe(pids.get('stuck'));
  expect(() => process.kill(Number(pids.get('stuck')), 0)).toThrow('ESRCH');
});

test('never uses the late answer of a replaced process for another command', async () => {
  // It survives SIGKILL and answers later, like a process in uninterruptible sleep.
  const ends: (() => void)[] = [];
  const start: StartSession = (argv, env) => {
    const session = createStartSession(survivors)(argv, env);
    ends.push(() => void session.kill());
    return { ...session, kill: async () => ({ pending: undefined }) };
  };
  onTestFinished(() => ends.forEach((end) => end()));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 12 }), { minLength: 2, maxLength: 8 }), async (delays) => {
      const slow = new LvmShell({ start, program, env: { FAKE_LOG: '/dev/null' }, deadline: 6 });
      const words = delays.map((delay, index) => [`late${delay}`, `call${index}`] as const);
      const outcomes = await Promise.allSettled(words.map((argv) => slow.run(argv)));
      for (const [index, outcome] of outcomes.entries()) {
        const own = { status: 'fulfilled', value: echo(words[index]?.join(' ') ?? '') };
        expect(outcome).toEqual(outcome.status === 'fulfilled' ? own : { status: 'rejected', reason: unknown });
      }
      ends.splice(0).forEach((end) => end());
    }),
    { numRuns: 20 },
  );
});

test('a restart waits for the command in flight, and starts another process for the next one', async () => {
  const before = shell.run(['before']);
  shell.restart();
  expect(await Promise.all([before, shell.run(['after'])])).toEqual([echo('before'), echo('after')]);
  const pids = await processes();
  expect(pids.get('after')).not.toBe(pids.get('before'));
});

describe('commands that depend on the devices that LVM knows', () => {
  let lvm: Lvm;
  beforeEach(() => {
    lvm = createLvm({
      run: () => expect.unreachable(),
      start: (words, env) => createStartSession(survivors)(words, { ...env, FAKE_LOG: join(folder, 'log') }),
      program,
      directory: folder,
      process: 'shell',
      deadline: 20_000,
      slowDeadline: 20_000,
    });
  });
  afterEach(() => lvm.restart());

  const trusting = [
    ['lvremove', ['lvremove', '-y', 'vg/lv']],
    ['lvextend', ['lvextend', '-y', '-L', '1b', 'vg/lv']],
    ['lvcreate', ['lvcreate', '-y', '-s', '-n', 'snap', 'vg/lv']],
    ['lvchange', ['lvchange', '-a', 'n', '-y', 'vg/lv']],
  ] as const;

  test('is changing as long as one of its changes runs', async () => {
    expect(lvm.changing).toBe(false);
    const changes = [lvm.change(['pvcreate']), lvm.change(['vgchange'])];
    expect(lvm.changing).toBe(true);
    await Promise.all(changes);
    expect(lvm.changing).toBe(false);
  });

  test.each(trusting)('runs %s in a new process', async (command, argv) => {
    await lvm.change(['pvcreate']);
    await lvm.change(['vgchange']);
    await lvm.change(argv);
    const pids = await processes();
    expect(pids.get('vgchange')).toBe(pids.get('pvcreate'));
    expect(pids.get(command)).not.toBe(pids.get('vgchange'));
  });

  test.each(trusting)('runs %s in the process that has just shown the volume as active', async (command, argv) => {
    await lvm.reportForChange(['lvs', 'vg/lv']);
    await lvm.change(argv);
    const pids = await processes();
    expect(pids.get(command)).toBe(pids.get('lvs'));
  });

  test.each([
    ['was shown as inactive', () => [lvm.reportForChange(['lvs', 'vg/inactive'])], 'vg/inactive'],
    ['is another than the one shown', () => [lvm.reportForChange(['lvs', 'vg/other'])], 'vg/lv'],
    [
      'was shown before a later change',
      () => [lvm.reportForChange(['lvs', 'vg/lv']), lvm.change(['vgchange'])],
      'vg/lv',
    ],
    ['was shown by the process for reports', () => [lvm.report(['lvs', 'vg/lv'])], 'vg/lv'],
  ] as const)('removes a volume in a new process if it %s', async (_, before, volume) => {
    await lvm.change(['lvcreate']);
    await Promise.all(before());
    await lvm.change(['lvremove', '-y', volume]);
    const pids = await processes();
    expect(pids.get('lvremove')).not.toBe(pids.get('lvcreate'));
    expect(pids.get('lvremove')).not.toBe(pids.get('lvs'));
  });

  test('shows a thin pool as active that another program has activated since the first report', async () => {
    await lvm.report(['lvs', 'vg/lv']);
    const answer = await lvm.report(['lvs', 'vg/activated-pool']);
    expect(answer).toMatchObject({ ok: true, rows: [{ lv_attr: 'twi-aotz--' }] });
  });

  test('shows a thin pool as inactive if a new process does', async () => {
    for (const _ of ['first', 'again']) {
      const answer = await lvm.report(['lvs', 'vg/down-pool']);
      expect(answer).toMatchObject({ ok: true, rows: [{ lv_attr: 'twi---tz--' }] });
    }
    expect(await readFile(join(folder, 'log'), 'utf8')).toMatch(/^(\d+) lvs.*\n\1 lvs.*\n(?!\1)\d+ lvs.*\n$/);
  });
});

test('throws unavailable if the program cannot be started', async () => {
  const options = { start: createStartSession(survivors), env: {}, deadline: 5000 };
  await expect(new LvmShell({ ...options, program: ['/nowhere/lvm'] }).run(['lvs'])).rejects.toEqual(unknown);
});

test('refuses words that the LVM shell would split or interpret', async () => {
  for (const word of ['a b', 'a\nlvremove', '"', "'", '#', '', '\\', 'ü', '$x', ';']) {
    await expect(shell.run(['lvs', word])).rejects.toMatchObject({ kind: 'invalid' });
  }
  expect(await shell.run(['fine'])).toEqual(echo('fine'));
});
