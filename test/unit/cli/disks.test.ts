import { expect, test } from 'vitest';
import type { Terminal } from '../../../src/cli/command.ts';
import { approveDisks, chooseDisks, refuseMissed } from '../../../src/cli/disks.ts';
import type { Candidate } from '../../../src/pools/candidates.ts';
import { Failure } from '../../../src/domain/errors.ts';

const candidate = (device: string, verdict: Candidate['verdict']): Candidate =>
  ({
    pool: { name: 'fast', group: 'quarry-fast' },
    device,
    path: `/dev/disk/by-id${device}`,
    verdict,
    size: 1024n,
    findings: ['it is mounted'],
  }) as unknown as Candidate;
const [blank, other, taken, begun, used] = [
  candidate('/a', 'proposed'),
  candidate('/b', 'proposed'),
  candidate('/c', 'member'),
  candidate('/d', 'interrupted'),
  candidate('/e', 'refused'),
] as const;
const all = [blank, other, taken, begun, used];

function answering(answer?: string): Terminal & { said: string[] } {
  const said: string[] = [];
  return {
    said,
    say: (line) => void said.push(line),
    ask: async (question, advice) => {
      if (answer === undefined) throw new Failure('invalid', advice);
      said.push(question);
      return answer;
    },
    show: () => undefined,
    again: async () => false,
    fail: () => undefined,
  };
}

const choose = (disk: readonly string[], takeAll: boolean, terminal = answering()) =>
  chooseDisks(all, { disk, all: takeAll }, terminal);

test('--all takes every proposed disk without a question', async () => {
  expect(await choose([], true)).toEqual([blank, other]);
});

test('takes a disk once that is named by its device and by the path of the rule', async () => {
  expect(await choose(['/b', '/dev/disk/by-id/b', '/d'], false)).toEqual([other, begun]);
});

test('without names the command lists the proposed disks and asks for names', async () => {
  const terminal = answering(' /b \n');
  expect(await choose([], false, terminal)).toEqual([other]);
  expect(terminal.said[0]).toMatch(/^DEVICE.*\n\/a +1 KiB +fast +proposed +\/dev\/disk\/by-id\/a\n\/b /);
  expect(terminal.said[0]).not.toMatch(/^\/[cde]/m);
  expect(await choose([], false, answering('all'))).toEqual([blank, other]);
});

test('an empty answer takes nothing', async () => {
  await expect(choose([], false, answering('  '))).rejects.toMatchObject({ kind: 'cancelled' });
});

test('an answer that names another disk takes nothing', async () => {
  await expect(choose([], false, answering('/a /e'))).rejects.toMatchObject({ kind: 'precondition' });
});

test('without names and without a terminal the command fails and says what to give', async () => {
  const failure = { kind: 'invalid', message: 'name the disks to take, or give --all' };
  await expect(choose([], false)).rejects.toMatchObject(failure);
});

test('asks nothing if no disk is proposed', async () => {
  expect(await chooseDisks([taken, used], { disk: [], all: false }, answering())).toEqual([]);
});

test.each([
  ['/e', '/e cannot be approved: it is mounted'],
  ['/x', '/x cannot be approved: no pool has a rule that matches it'],
])('%s cannot be approved', async (name, message) => {
  await expect(choose(['/a', name], false)).rejects.toMatchObject({ kind: 'precondition', message });
});

test('a disk that is a member already is passed over, so that a command that was interrupted can be repeated', async () => {
  expect(await choose(['/c', '/b'], false)).toEqual([other]);
});

test('refuses names together with --all', async () => {
  const both = { config: '/x', disk: ['/a'], all: true };
  await expect(approveDisks(both, answering())).rejects.toMatchObject({ kind: 'invalid' });
});

test('a disk that a running driver took meanwhile is not missed, and any other is', () => {
  const [mine, theirs] = [candidate('/x', 'proposed'), candidate('/y', 'proposed')];
  const after = [candidate('/x', 'member'), candidate('/y', 'interrupted')];
  expect(() => refuseMissed([mine], after)).not.toThrow();
  expect(() => refuseMissed([mine, theirs], after)).toThrow('not taken (the log says why): /y');
  expect(() => refuseMissed([mine], [])).toThrow('/x');
});
