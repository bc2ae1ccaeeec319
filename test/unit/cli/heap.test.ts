import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const module = new URL('../../../src/cli/heap.ts', import.meta.url);

test('a process returns the memory that only its start needed', async () => {
  const program = `
    import { settleHeap } from '${module.href}';
    let garbage = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
    // The heap alone does not keep a process alive.
    const alive = setInterval(() => undefined, 1000);
    const debug = (fields, message) => {
      console.log(JSON.stringify({ ...fields, message }));
      clearInterval(alive);
    };
    settleHeap({ debug }, 1);
    garbage = undefined;
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const { message, before, after } = JSON.parse(stdout) as { message: string; before: number; after: number };
  expect(message).toBe('memory of the start returned');
  expect(before - after).toBeGreaterThan(20 * 2 ** 20);
});
