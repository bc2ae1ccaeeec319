import { expect, test } from 'vitest';
import { Failure } from '../../../src/domain/errors.ts';
import { traceLvm, traceRun } from '../../../src/app/tracing.ts';

const lines: { fields: object; message: string }[] = [];
const drop = () => undefined;
const log = {
  debug: (fields: object, message: string) => void lines.push({ fields, message }),
  info: drop,
  warn: drop,
  error: drop,
};

test('logs each program with its arguments and duration, and returns its result', async () => {
  lines.length = 0;
  const answer = { exitCode: 3, stdout: 'out', stderr: '' };
  const run = traceRun(async () => answer, log);
  expect(await run(['mount', '/dev/a', '/b'], { deadline: 1 })).toBe(answer);
  expect(lines).toEqual([
    { fields: { argv: ['mount', '/dev/a', '/b'], duration_ms: expect.any(Number) }, message: 'program' },
  ]);
});

test('logs an LVM command that failed, too', async () => {
  lines.length = 0;
  const fail = () => Promise.reject(new Failure('unavailable', 'no answer'));
  const lvm = traceLvm(
    {
      report: fail,
      reportForChange: fail,
      change: fail,
      slowChange: fail,
      changing: false,
      restart: drop,
      restartReports: drop,
    },
    log,
  );
  await expect(lvm.change(['lvremove', 'vg/lv'])).rejects.toThrow('no answer');
  expect(lines).toEqual([
    { fields: { argv: ['lvremove', 'vg/lv'], duration_ms: expect.any(Number) }, message: 'LVM command' },
  ]);
});
