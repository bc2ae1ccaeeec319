import { expect, test } from 'vitest';
import { runCommand } from '../../../src/lvm/process/commands.ts';

const refuse = (stderr: string) =>
  runCommand({ run: async () => ({ exitCode: 5, stdout: '', stderr }), program: ['lvm'], env: {}, deadline: 1000 }, [
    'lvcreate',
  ]);

test('returns the lines that LVM printed on stderr, without warnings', async () => {
  const stderr = '  WARNING: No free space in thin pool.\n  Warning: old metadata\n\n  Device is broken.\n';
  expect(await refuse(stderr)).toEqual({ ok: false, messages: ['Device is broken.'] });
});
