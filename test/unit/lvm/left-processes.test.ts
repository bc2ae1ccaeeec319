import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { endLeftProcesses } from '../../../src/lvm/evacuation/left-processes.ts';

const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started) child.kill('SIGKILL');
});

/** A process with these words among its own. */
async function start(...words: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => 0, 1000)', '--', ...words]);
  started.push(child);
  await once(child.stdout, 'data');
  return child;
}

const config = ['--config', 'log/report_command_log=0'];

test('ends what waits for a move from the disk, in parts or whole, and nothing else', async () => {
  const waiting = [
    await start('pvmove', ...config, '-i', '+3600', '/dev/left/a:0-4', '/dev/left/b'),
    await start('pvmove', ...config, '-i', '+3600', '/dev/left/a'),
  ];
  const others = [
    await start('pvmove', ...config, '-i', '+3600', '/dev/left/ab:0-4', '/dev/left/b'),
    await start('pvmove', ...config, '-i', '1', '/dev/left/a'),
    await start('pvs', '+3600', '/dev/left/a'),
  ];
  const ends = waiting.map((child) => once(child, 'exit'));
  expect(await endLeftProcesses('/dev/left/a')).toBe(2);
  expect(await Promise.all(ends)).toEqual([
    [null, 'SIGKILL'],
    [null, 'SIGKILL'],
  ]);
  expect(others.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null, null]);
  expect(await endLeftProcesses('/dev/left/a')).toBe(0);
});
