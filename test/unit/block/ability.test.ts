import { expect, test } from 'vitest';
import { inabilityOf } from '../../../src/block/luks/ability.ts';

/** A machine with these programs, by the words of their command line. */
function machine(programs: Readonly<Record<string, { readonly exitCode?: number; readonly stdout?: string }>>) {
  return {
    readFile: async () => '6.12.0\n',
    runHosted: async (argv: readonly string[]) => {
      const found = programs[argv.join(' ')];
      return found && { exitCode: 0, stdout: '', stderr: '', ...found };
    },
  };
}

const cryptsetup = { 'sh -c command -v cryptsetup': { stdout: '/usr/sbin/cryptsetup' } };
const without = { 'dmsetup targets': { stdout: 'linear v1\nthin v1\n' } };
const modules = (stdout: string) => ({
  'cat /lib/modules/6.12.0/modules.dep /lib/modules/6.12.0/modules.builtin': { exitCode: 1, stdout },
});

test('a machine without dm-integrity can have no volume with integrity', async () => {
  const problemOf = async (list: string) =>
    (await inabilityOf(machine({ ...cryptsetup, ...without, ...modules(list) }))).integrity;
  expect(await problemOf('kernel/drivers/md/dm-crypt.ko:\n')).toMatch('its kernel has no dm-integrity');
  expect(await problemOf('kernel/drivers/md/dm-integrity.ko.xz: a\n')).toBeUndefined();
});

test.each([
  ['no program', { ...without }, /no cryptsetup/],
  [
    'a loaded target that is in no list',
    { ...cryptsetup, ...modules('kernel/md/dm-raid.ko:\n'), 'dmsetup targets': { stdout: 'linear v1\ncrypt v1.28\n' } },
    undefined,
  ],
  ['a module', { ...cryptsetup, ...without, ...modules('kernel/drivers/md/dm-crypt.ko.xz: a\n') }, undefined],
  ['neither target nor module', { ...cryptsetup, ...without, ...modules('kernel/md/dm-raid.ko:\n') }, /no dm-crypt/],
  ['modules that cannot be listed', { ...cryptsetup, ...without }, undefined],
  [
    'a device-mapper that does not answer',
    { ...cryptsetup, ...modules('kernel/md/dm-raid.ko:\n'), 'dmsetup targets': { exitCode: 1 } },
    undefined,
  ],
])('a machine with %s', async (_, programs, problem) => {
  const { encryption: found } = await inabilityOf(machine(programs));
  if (problem) expect(found).toMatch(problem);
  else expect(found).toBeUndefined();
});
