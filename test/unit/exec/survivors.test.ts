import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createSurvivors } from '../../../src/exec/survivors.ts';

/** As Node shows a program that runs. */
const running = () =>
  Object.assign(new EventEmitter(), { pid: 4321, exitCode: null, signalCode: null }) as ChildProcess;

test('a program that cannot be killed is remembered until it ends', async () => {
  const changes: string[] = [];
  const survivors = createSurvivors(({ pid }, state) => changes.push(`${pid} ${state}`));
  const child = running();
  const pending = survivors.add(child, ['umount', '/staging']);
  expect(survivors.list()).toMatchObject([{ pid: 4321, argv: ['umount', '/staging'] }]);
  child.emit('exit', null, 'SIGKILL');
  await pending;
  expect(survivors.list()).toEqual([]);
  expect(changes).toEqual(['4321 remains', '4321 ended']);
});

test('a program that has ended is not remembered', () => {
  const survivors = createSurvivors(() => undefined);
  expect(survivors.add(Object.assign(running(), { exitCode: 0 }), ['true'])).toBeUndefined();
  expect(survivors.list()).toEqual([]);
});
