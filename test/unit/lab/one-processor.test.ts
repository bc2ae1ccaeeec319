import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = join(import.meta.dirname, '../../../lab/one-processor.sh');
let folder: string;
const started: { end(): Promise<void> }[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quarry-processors-'));
});

afterEach(async () => {
  for (const one of started.splice(0)) await one.end();
  await rm(folder, { recursive: true });
});

/** Runs until it is ended; resolves with the processors that it may use. */
async function start(): Promise<{ readonly processors: string; end(): Promise<void> }> {
  const child = spawn(script, [folder, 'bash', '-c', 'taskset -cp $$; read -r'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  const end = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  const one = { processors: output.toString().trim().split(': ').at(-1) ?? '', end };
  started.push(one);
  return one;
}

test('gives each command one processor, and all processors the same number of commands', async () => {
  const commands = await Promise.all(Array.from({ length: 2 * availableParallelism() }, start));
  const counts = Map.groupBy(commands, ({ processors }) => processors);
  expect([...counts.keys()].every((one) => /^\d+$/.test(one))).toBe(true);
  expect([...counts.values()].map(({ length }) => length)).toEqual(Array(availableParallelism()).fill(2));
});

test('gives the processor of a command that has ended to the next one', async () => {
  const commands = [];
  for (let index = 0; index < availableParallelism(); index += 1) commands.push(await start());
  const [first] = commands;
  await first?.end();
  expect((await start()).processors).toBe(first?.processors);
});

test('ends with the exit code of the command', async () => {
  const child = spawn(script, [folder, 'bash', '-c', 'exit 7'], { stdio: 'ignore' });
  expect(await once(child, 'exit')).toEqual([7, null]);
});
