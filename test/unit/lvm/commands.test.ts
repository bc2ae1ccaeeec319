import { expect, test } from 'vitest';
import { runCommand } from '../../../src/lvm/process/commands.ts';

const refuse = (stderr: string) =>
  runCommand({ run: async () => ({ exitCode: 5, stdout: '', stderr }), program: ['lvm'], env: {}, deadline: 1000 }, [
    'lvcreate',
  ]);

test('joins the settings of a command with its own, because LVM takes one --config', async () => {
  const ran: (readonly string[])[] = [];
  const run = async (argv: readonly string[]) => {
    ran.push(argv);
    return { exitCode: 0, stdout: '', stderr: '' };
  };
  const options = { run, program: ['lvm'], env: {}, deadline: 1000 } as const;
  await runCommand(options, ['vgchange', '--config', 'backup/backup=1', 'vg']);
  await runCommand(options, ['vgchange', '-y', '--config', 'backup/backup=1', 'vg']);
  await runCommand(options, ['vgchange', 'vg']);
  const own = 'log/report_command_log=0';
  expect(ran).toEqual([
    ['lvm', 'vgchange', '--config', `${own} backup/backup=1`, 'vg'],
    ['lvm', 'vgchange', '-y', '--config', `${own} backup/backup=1`, 'vg'],
    ['lvm', 'vgchange', '--config', own, 'vg'],
  ]);
});

test.each(['lvs', 'vgs', 'pvs', 'fullreport'])('asks %s for JSON in bytes, and reads it', async (command) => {
  const ran: (readonly string[])[] = [];
  const run = async (argv: readonly string[]) => {
    ran.push(argv);
    return { exitCode: 0, stdout: '{"report": [{"vg": [{"vg_name": "a"}]}]}', stderr: '' };
  };
  const answer = await runCommand({ run, program: ['lvm'], env: {}, deadline: 1000 }, [command, '-o', 'vg_name']);
  expect(answer).toEqual({ ok: true, rows: [{ vg_name: 'a' }] });
  expect(ran).toEqual([['lvm', command, '--reportformat', 'json', '--units', 'b', '--nosuffix', '-o', 'vg_name']]);
});

test('returns the lines that LVM printed on stderr, without warnings', async () => {
  const stderr = '  WARNING: No free space in thin pool.\n  Warning: old metadata\n\n  Device is broken.\n';
  expect(await refuse(stderr)).toEqual({ ok: false, messages: ['Device is broken.'] });
});
