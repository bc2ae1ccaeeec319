import { expect, test } from 'vitest';
import { createRun } from '../../../src/exec/run.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';

const run = createRun(createSurvivors(() => undefined));
const deadline = 20_000;

test('returns the exit code and both streams unchanged', async () => {
  const result = await run(['sh', '-c', 'cat; echo err >&2; exit 3'], { deadline, input: 'größe\n\n' });
  expect(result).toEqual({ exitCode: 3, stdout: 'größe\n\n', stderr: 'err\n' });
});

test('passes only the fixed environment and the added variables', async () => {
  const { stdout } = await run(['env'], { deadline, env: { EXTRA: '1' } });
  const names = stdout.split('\n').map((line) => line.split('=')[0]);
  expect(names).toEqual(expect.arrayContaining(['LC_ALL', 'PATH', 'EXTRA']));
  expect(names).not.toContain('HOME');
});

test('never passes arguments through a shell', async () => {
  const { stdout } = await run(['printf', '%s|', '$HOME', '; ls', 'a b', ''], { deadline });
  expect(stdout).toBe('$HOME|; ls|a b||');
});

test('kills a program at its deadline, and reports an unknown outcome', async () => {
  const late = run(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'], { deadline: 200 });
  await expect(late).rejects.toMatchObject({ kind: 'unavailable', message: expect.stringContaining('200 ms') });
});

test('kills a program whose caller gives up', async () => {
  const controller = new AbortController();
  const result = run(['sleep', '1000'], { deadline, signal: controller.signal });
  controller.abort();
  await expect(result).rejects.toMatchObject({ kind: 'cancelled' });
});

test('throws unavailable for a program that does not exist or was killed', async () => {
  await expect(run(['no-such-program'], { deadline })).rejects.toMatchObject({ kind: 'unavailable' });
  await expect(run(['sh', '-c', 'kill -9 $$'], { deadline })).rejects.toMatchObject({ kind: 'unavailable' });
});

test('returns the exit code of a program that ends before it has read its input', async () => {
  expect(await run(['sh', '-c', 'exit 4'], { deadline, input: 'x'.repeat(5_000_000) })).toMatchObject({ exitCode: 4 });
});

test('does not wait for a child of a killed program that keeps its output open', async () => {
  const late = run(['sh', '-c', 'sleep 30 & wait'], { deadline: 100 });
  await expect(late).rejects.toMatchObject({ kind: 'unavailable', pending: undefined });
});

test('kills a program that writes without end', async () => {
  await expect(run(['yes'], { deadline })).rejects.toMatchObject({
    message: 'yes wrote too much output and was killed',
  });
});
