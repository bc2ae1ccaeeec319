import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inabilityOf } from '../../../src/block/luks/ability.ts';

interface Given {
  /** The content of the lists of modules. */
  readonly lists?: string;
  readonly cryptsetup?: boolean;
  /** How `dmsetup targets` ends. */
  readonly targets?: { readonly exitCode: number; readonly stdout: string };
}

/** Runs the machine's shell, in which only `cryptsetup` may be found, and files for the lists of modules. */
async function ability({ lists, cryptsetup = true, targets }: Given) {
  const lib = join(folder, 'modules.dep');
  if (lists !== undefined) await writeFile(lib, lists);
  if (cryptsetup) await writeFile(join(folder, 'cryptsetup'), '', { mode: 0o755 });
  return inabilityOf({
    readFile: async () => '6.12.0\n',
    runHosted: async ([program, ...words]) => {
      if (program !== 'sh') return targets;
      const given = words.map((word) => word.replace('/lib/modules/6.12.0', folder));
      const { status, stdout } = spawnSync('/bin/sh', given, { env: { PATH: folder }, encoding: 'utf8' });
      return { exitCode: status ?? -1, stdout };
    },
  });
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ability-'));
  await symlink('/bin/cat', join(folder, 'cat'));
});
afterEach(() => rm(folder, { recursive: true }));

const without = { targets: { exitCode: 0, stdout: 'linear v1\nthin v1\n' } };

test('a machine without dm-integrity can have no volume with integrity', async () => {
  const lacking = await ability({ ...without, lists: 'kernel/drivers/md/dm-crypt.ko:\n' });
  expect(lacking.integrity).toMatch('its kernel has no dm-integrity');
  const having = await ability({ ...without, lists: 'kernel/drivers/md/dm-integrity.ko.xz: a\n' });
  expect(having.integrity).toBeUndefined();
});

test.each<[string, Given, RegExp | undefined]>([
  ['no program', { ...without, cryptsetup: false }, /no cryptsetup/],
  [
    'a loaded target that is in no list',
    { lists: 'kernel/md/dm-raid.ko:\n', targets: { exitCode: 0, stdout: 'linear v1\ncrypt v1.28\n' } },
    undefined,
  ],
  ['a module', { ...without, lists: 'kernel/drivers/md/dm-crypt.ko.xz: a\n' }, undefined],
  ['neither target nor module', { ...without, lists: 'kernel/md/dm-raid.ko:\n' }, /no dm-crypt/],
  ['modules that cannot be listed', without, undefined],
  [
    'a device-mapper that does not answer',
    { lists: 'kernel/md/dm-raid.ko:\n', targets: { exitCode: 1, stdout: '' } },
    undefined,
  ],
])('a machine with %s', async (_, given, problem) => {
  const { encryption: found } = await ability(given);
  if (problem) expect(found).toMatch(problem);
  else expect(found).toBeUndefined();
});
