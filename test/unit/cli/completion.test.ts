import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { flagOf } from '../../../src/cli/command.ts';
import { commands } from '../../../src/cli/commands.ts';
import { quarry } from './harness.ts';

/** The completions that bash offers for the last word. */
async function complete(...words: string[]): Promise<string[]> {
  const { stdout } = await quarry(['completion', 'bash']);
  const show = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _quarry; printf "%s\\n" "${COMPREPLY[@]}"';
  const argv = ['--norc', '-c', `${stdout}\n${show}`, 'bash', 'quarry', ...words];
  return execFileSync('bash', argv, { encoding: 'utf8' })
    .split('\n')
    .filter((word) => word !== '');
}

test.each([
  [[''], ['all', 'disks', 'completion', '--help', '--version']],
  [['dis'], ['disks']],
  [
    ['disks', ''],
    ['approve', '--output', '-o', '--config', '--help'],
  ],
  [['disks', '--config', '/x', 'app'], ['approve']],
  [['disks', 'approve', '--a'], ['--all']],
  [['orphans', 'delete', 'n:x', '--y'], ['--yes']],
  [
    ['qos', '-o', ''],
    ['table', 'wide', 'json', 'yaml'],
  ],
  [['qos', '--output', '=', 'j'], ['json']],
  [['check', 'n'], ['node']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['node', '--registration', 's'], ['self']],
  [['calibrate', 'fast', '--rounds', ''], []],
])('bash completes %j', async (words, offered) => {
  const found = await complete(...words);
  expect(found).toEqual(expect.arrayContaining(offered));
  if (offered.length < 2) expect(found).toEqual(offered);
});

test('bash completes the path of a configuration', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'my config.yaml'), '');
  expect(await complete('disks', '--config', `${folder}/my`)).toEqual([`${folder}/my config.yaml`]);
});

test.each(['bash', 'zsh', 'fish'])('the script for %s has every command and option', async (shell) => {
  const { stdout } = await quarry(['completion', shell]);
  for (const { name, options } of commands) {
    expect(stdout).toContain(name);
    for (const key of Object.keys(options)) {
      const flag = flagOf(key);
      expect(stdout).toContain(shell === 'fish' ? `-l ${flag.slice(2)}` : flag);
    }
  }
});
