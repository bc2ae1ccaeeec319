import { describe, expect, test, vi } from 'vitest';
import { createRunStream } from '../../../src/exec/stream.ts';
import { createSurvivors } from '../../../src/exec/survivors.ts';

const survivors = createSurvivors(() => undefined);
const stream = createRunStream(survivors);
const never = () => ({ signal: new AbortController().signal, patience: 60_000 });
const shell = (script: string, options: Parameters<typeof stream>[1] = never()) =>
  stream(['sh', '-c', script], options);
const all = async (pieces: AsyncIterable<string>) => (await Array.fromAsync(pieces)).join('');

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the output of a program', () => {
  test('comes whole and in order, whatever characters its pieces split', async () => {
    const text = await all(shell('i=0; while [ $i -lt 20000 ]; do echo "ä€😀 $i"; i=$((i+1)); done'));
    expect(text).toBe(Array.from({ length: 20_000 }, (_, line) => `ä€😀 ${line}\n`).join(''));
  });

  test('is not read ahead of its reader, and ends with it', async () => {
    const pieces = shell('echo $$; exec yes');
    const pid = Number.parseInt((await pieces.next()).value ?? '', 10);
    // The kernel says that the program waits for room in its pipe.
    const { readFile } = await import('node:fs/promises');
    const state = async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.[0];
    await vi.waitUntil(async () => (await state()) === 'S', 20_000);
    const written = async () => /wchar: (\d+)/.exec(await readFile(`/proc/${pid}/io`, 'utf8'))?.[1];
    expect(Number(await written())).toBeLessThan(1_000_000);
    expect((await pieces.next()).done).toBe(false);
    await pieces.return();
    await vi.waitUntil(() => !isAlive(pid), 20_000);
  });

  test('that a program did not end well is refused, with the end of its stderr', async () => {
    await expect(all(shell('echo some; echo "no metadata snapshot" >&2; exit 64'))).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'sh ended with exit code 64: no metadata snapshot',
    });
    await expect(all(shell('kill -9 $$'))).rejects.toMatchObject({ message: expect.stringContaining('by SIGKILL') });
    await expect(all(stream(['/nonexistent'], never()))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('of a program that gives no more is given up, and the program is killed', async () => {
    const pieces = shell('echo $$; exec sleep 1000', { ...never(), patience: 200 });
    const pid = Number((await pieces.next()).value);
    await expect(pieces.next()).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'sh gave no output for 200 ms and was killed',
    });
    await vi.waitUntil(() => !isAlive(pid), 20_000);
  });

  test('ends when the signal fires, during a wait and before the start', async () => {
    const control = new AbortController();
    const pieces = shell('echo $$; exec sleep 1000', { signal: control.signal, patience: 60_000 });
    const pid = Number((await pieces.next()).value);
    const next = pieces.next();
    control.abort();
    await expect(next).rejects.toMatchObject({ kind: 'cancelled' });
    await vi.waitUntil(() => !isAlive(pid), 20_000);
    await expect(all(shell('true', { signal: control.signal, patience: 1000 }))).rejects.toMatchObject({
      kind: 'cancelled',
    });
    expect(survivors.list()).toEqual([]);
  });
});
