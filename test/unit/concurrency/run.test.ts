import { expect, test } from 'vitest';
import { createRun } from '../../../src/exec/run.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';

const run = createRun(createSurvivors(() => undefined));
const deadline = 20_000;

test('an exit code is an outcome, with both streams as they were', async () => {
  const result = await run(['sh', '-c', 'cat; echo err >&2; exit 3'], { deadline, input: 'größe\n\n' });
  expect(result).toEqual({ exitCode: 3, stdout: 'größe\n\n', stderr: 'err\n' });
});

test('a program gets a fixed environment and what is added to it, and no more', async () => {
  const { stdout } = await run(['env'], { deadline, env: { EXTRA: '1' } });
  const names = stdout.split('\n').map((line) => line.split('=')[0]);
  expect(names).toEqual(expect.arrayContaining(['LC_ALL', 'PATH', 'EXTRA']));
  expect(names).not.toContain('HOME');
});

test('arguments are never read by a shell', async () => {
  const { stdout } = await run(['printf', '%s|', '$HOME', '; ls', 'a b', ''], { deadline });
  expect(stdout).toBe('$HOME|; ls|a b||');
});

test('a program that outlives its deadline is killed, and its outcome unknown', async () => {
  const late = run(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], { deadline: 200 });
  await expect(late).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('200 ms') });
});

test('a program whose caller gives up is ended', async () => {
  const controller = new AbortController();
  const result = run(['sleep', '1000'], { deadline, signal: controller.signal });
  controller.abort();
  await expect(result).rejects.toMatchObject({ kind: 'cancelled' });
});

test('a program that is not there, or is killed, is unavailable', async () => {
  await expect(run(['no-such-program'], { deadline })).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(run(['sh', '-c', 'kill -9 $$'], { deadline })).rejects.toMatchObject({ kind: 'unavailable' });
});

test('a program that ends before it has read its input is judged by its exit code', async () => {
  expect(await run(['sh', '-c', 'exit 4'], { deadline, input: 'x'.repeat(5_000_000) })).toMatchObject({ exitCode: 4 });
});

test('the end of a program that is killed does not wait for a child of its own that holds its output', async () => {
  const late = run(['sh', '-c', 'sleep 30 & wait'], { deadline: 100 });
  await expect(late).rejects.toMatchObject({ kind: 'unavailable', pending: undefined });
});

test('a program that writes without end is killed', async () => {
  await expect(run(['yes'], { deadline })).rejects.toMatchObject({ message: 'yes wrote too much output and was killed' });
});
