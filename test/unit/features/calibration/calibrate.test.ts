import { expect, test } from 'vitest';
import { measure, requireFio } from '../../../../src/features/calibration/calibrate.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import type { Run } from '../../../../src/exec/run.ts';

const fio = ['nsenter', '--target', '1', '--', 'fio'] as const;
const answer = (exitCode: number, stdout = ''): Run => {
  return async () => ({ exitCode, stdout, stderr: '' });
};

test.each([
  ['cannot be started', async () => Promise.reject(new Failure('unavailable', 'no such file'))],
  ['is not found by nsenter', answer(127)],
] as const)('reports fio as not installed if it %s', async (_what, run) => {
  await expect(requireFio({ run, fio })).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringContaining('fio, which is not installed'),
  });
});

test('starts every job where LVM runs', async () => {
  const side = { iops: 5, bw_bytes: 5 };
  const started: string[] = [];
  const run: Run = (argv, options) => {
    started.push(argv.slice(0, fio.length).join(' '));
    return answer(0, JSON.stringify({ jobs: [{ error: 0, read: side, write: side }] }))(argv, options);
  };
  const { signal } = new AbortController();
  await measure({ run, fio, device: '/dev/x', rounds: 1, seconds: 1, signal, progress: () => undefined });
  expect(started).toEqual(Array.from({ length: 5 }, () => fio.join(' ')));
});
