import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createSurvivors } from '../../../src/exec/survivors.ts';

/** A running program as Node's type has it. */
function running(exitCode: number | null = null) {
  const program = { referenced: true, unref: () => (program.referenced = false) };
  const shown = { pid: 4321, exitCode, signalCode: null, stdio: [null, null, null], unref: program.unref };
  return { program, child: Object.assign(new EventEmitter(), shown) as unknown as ChildProcess };
}

test('remembers a program that cannot be killed until it ends, and lets no caller wait for it', async () => {
  const changes: string[] = [];
  const survivors = createSurvivors(({ pid }, state) => changes.push(`${pid} ${state}`));
  const { program, child } = running();
  const pending = survivors.add(child, ['umount', '/staging']);
  expect(survivors.list()).toMatchObject([{ pid: 4321, argv: ['umount', '/staging'] }]);
  expect(program.referenced).toBe(false);
  child.emit('exit', null, 'SIGKILL');
  await pending;
  expect(survivors.list()).toEqual([]);
  expect(changes).toEqual(['4321 remains', '4321 ended']);
});

test('does not remember a program that has ended', () => {
  const survivors = createSurvivors(() => undefined);
  expect(survivors.add(running(0).child, ['true'])).toBeUndefined();
  expect(survivors.list()).toEqual([]);
});
