import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { count, command, type Command, flag, listing, optionalOneOf, word, words } from '../../../src/cli/command.ts';
import { commands } from '../../../src/cli/commands.ts';
import { runCommandLine } from '../../../src/cli/program.ts';
import { version } from '../../../src/version.ts';
import { quarry } from './harness.ts';

const silent = {
  say: () => undefined,
  ask: async () => '',
  show: () => undefined,
  again: async () => false,
  fail: () => undefined,
};

/** A command that prints what it was given. */
const echo = (more: Partial<Parameters<typeof command>[0]> = {}): Command =>
  command({
    name: 'echo',
    summary: 'Echo',
    where: 'here',
    examples: [],
    ...more,
    run: async (given) => JSON.stringify(given),
  });

const run = async (line: string, ...known: Command[]) =>
  JSON.parse(await runCommandLine(line.split(' '), known, silent)) as unknown;

test('arguments and options reach the command under their names, with their defaults', async () => {
  const measure = echo({
    arguments: { pool: word('a pool') },
    options: { rounds: count('how often', 5), whileInUse: flag('in use too') },
  });
  const config = '/etc/quarry/config.yaml';
  expect(await run('echo fast', measure)).toEqual({ pool: 'fast', rounds: 5, whileInUse: false, config });
  expect(await run('echo --rounds 2 fast --while-in-use --config=/x', measure)).toEqual({
    pool: 'fast',
    rounds: 2,
    whileInUse: true,
    config: '/x',
  });
});

test('an optional argument has a default, and a list may be empty', async () => {
  const roles = echo({ arguments: { role: optionalOneOf('a role', ['all', 'node'], 'all') } });
  expect(await run('echo', roles)).toMatchObject({ role: 'all' });
  expect(await run('echo node', roles)).toMatchObject({ role: 'node' });
  const disks = echo({ arguments: { disk: words('disks') } });
  expect(await run('echo', disks)).toMatchObject({ disk: [] });
  expect(await run('echo a b', disks)).toMatchObject({ disk: ['a', 'b'] });
});

test('--config may stand before a subcommand, and the last one counts', async () => {
  const known = [echo(), echo({ name: 'echo below' })];
  expect(await run('--config /a echo', ...known)).toEqual({ config: '/a' });
  expect(await run('--config /a echo --config /b below', ...known)).toEqual({ config: '/b' });
  expect(await run('echo --config /b below --config /c', ...known)).toEqual({ config: '/c' });
});

test.each([
  [['foo'], 'unknown command "foo"; see quarry --help'],
  [['dsks'], 'unknown command "dsks" (Did you mean disks?); see quarry --help'],
  [['disks', 'foo'], 'unknown command "disks foo"; see quarry disks --help'],
  [['orphans', 'keep', 'n:x'], 'unknown command "orphans keep"; see quarry orphans --help'],
  [['--foo'], 'unknown option "--foo"; see quarry --help'],
  [['disks', '--foo'], 'unknown option "--foo"; see quarry disks --help'],
  [['controller', '--registration', 'self'], 'unknown option "--registration"; see quarry controller --help'],
  [['orphans', '--yes'], 'unknown option "--yes"; see quarry orphans --help'],
  [['orphans', 'retain', 'n:x', '--yes'], 'unknown option "--yes"; see quarry orphans retain --help'],
  [['orphans', '-o', 'json', 'retain', 'n:x'], 'unknown option "--output"; see quarry orphans retain --help'],
  [['orphans', 'delete'], 'missing required argument "ID"; see quarry orphans delete --help'],
  [['orphans', 'delete', 'n:x', 'n:y'], 'unexpected argument "n:y"; see quarry orphans delete --help'],
  [['calibrate', 'a', 'b'], 'unexpected argument "b"; see quarry calibrate --help'],
  [
    ['calibrate', 'a', '--rounds', '0'],
    '--rounds 0 must be a whole number from 1 to 9999; see quarry calibrate --help',
  ],
  [
    ['calibrate', 'a', '--seconds', '1.5'],
    '--seconds 1.5 must be a whole number from 1 to 9999; see quarry calibrate --help',
  ],
  [['disks', '--config'], 'option "--config <FILE>" argument missing; see quarry disks --help'],
  [
    ['check', 'x'],
    'command-argument value "x" is invalid for argument "ROLE". Allowed choices are all, node, controller; see quarry check --help',
  ],
  [
    ['node', '--registration', 'both'],
    'option "--registration <MODE>" argument "both" is invalid. Allowed choices are self, external; see quarry node --help',
  ],
  [
    ['qos', '-o', 'xml'],
    'option "-o, --output <FORMAT>" argument "xml" is invalid. Allowed choices are table, wide, json, yaml; see quarry qos --help',
  ],
  [['a\nb'], 'unknown command "a b"; see quarry --help'],
])('%j is refused in one line', async (argv, message) => {
  await expect(quarry(argv)).rejects.toMatchObject({ kind: 'invalid', message });
});

test('the program exits with 2 for wrong words and with 1 for a failure, with one line on stderr', () => {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const folder = mkdtempSync(join(tmpdir(), 'quarry-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const config = join(folder, 'config.yaml');
  writeFileSync(config, `pools: []\nendpoint: unix://${folder}/csi.sock\n`);
  const end = (...argv: string[]) => spawnSync(process.execPath, [main, ...argv], { encoding: 'utf8' });
  expect(end('version')).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: '' });
  const wrong = 'quarry: unknown command "foo"; see quarry --help\n';
  expect(end('foo')).toMatchObject({ status: 2, stdout: '', stderr: wrong });
  const failed = end('qos', '--config', config);
  expect(failed).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^quarry: no Quarry answers.*\n$/),
  });
});

test('a closed stdout is not a failure', () => {
  const main = join(import.meta.dirname, '../../../src/main.ts');
  const argv = ['-c', 'set -o pipefail; "$0" "$1" completion fish | true', process.execPath, main];
  expect(spawnSync('bash', argv, { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
});

test.each([[[]], [['--help']], [['-h']], [['help']]])('%j lists all commands', async (argv) => {
  const { stdout } = await quarry(argv);
  for (const { name, summary } of commands) {
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(summary);
    expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
  }
  expect(stdout).toMatch(/Exit codes: 0 done; 1 .*; 2 /);
});

test.each(commands.map((known) => [known.name, known] as const))(
  'the help of %s has its examples',
  async (name, known) => {
    const [{ stdout }, asked] = await Promise.all([
      quarry([...name.split(' '), '--help']),
      quarry(['help', ...name.split(' ')]),
    ]);
    expect(asked.stdout).toBe(stdout);
    expect(stdout).toMatch(new RegExp(`^Usage: quarry ${name}`));
    for (const { line } of known.examples) expect(stdout).toContain(`  $ ${line}\n`);
    expect(known.examples.length > 0 || name === 'version').toBe(true);
  },
);

test.each([[['--version']], [['version']]])('%j shows the version', async (argv) => {
  expect((await quarry(argv)).stdout).toBe(`${version}\n`);
});

test('every command that prints rows offers each format', () => {
  const rows = commands
    .filter(({ fields }) => fields !== undefined)
    .map(({ name, options }) => [name, options['output']?.choices]);
  const formats = ['table', 'wide', 'json', 'yaml'];
  expect(rows).toEqual([
    ['disks', formats],
    ['disks approve', formats],
    ['disks replace', formats],
    ['disks evacuate', formats],
    ['disks give-up', formats],
    ['nodes', formats],
    ['nodes drain', formats],
    ['nodes forget', formats],
    ['pools', formats],
    ['volumes', formats],
    ['snapshots', formats],
    ['doctor', formats],
    ['calibrate', formats],
    ['orphans', formats],
    ['qos', formats],
    ['jobs', formats],
    ['hung', formats],
  ]);
});

test('passes on the failure that a command throws', async () => {
  const boom = new Error('boom');
  const fails = command({ name: 'x', summary: 'X', where: 'nowhere', examples: [], run: () => Promise.reject(boom) });
  await expect(runCommandLine(['x'], [fails], silent)).rejects.toBe(boom);
});

test('prints a listing in the format of -o', async () => {
  const list = listing({
    name: 'list',
    summary: 'List',
    where: 'here',
    examples: [],
    rows: {
      columns: [{ heading: 'N', cell: ({ n }: { n: number }) => String(n) }],
      fields: { n: 'a number' },
      none: '-',
    },
    run: async () => ({ records: [{ n: 1 }] }),
  });
  expect(await runCommandLine(['list'], [list], silent)).toBe('N\n1\n');
  expect(await run('list -o json', list)).toEqual({ items: [{ n: 1 }] });
});
