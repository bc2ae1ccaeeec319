import { describe, expect, it, test } from 'vitest';
import { parseCommand } from '../../../src/cli/arguments.ts';

describe('calibrate', () => {
  const config = '/etc/quarry/config.yaml';
  const defaults = { name: 'calibrate', config, pool: 'fast', rounds: 5, seconds: 10, besideVolumes: false };

  it('has a pool, and options of its own', () => {
    expect(parseCommand(['calibrate', 'fast'])).toEqual(defaults);
    const words = ['calibrate', '--rounds', '2', 'fast', '--seconds=1', '--beside-volumes', '--config', '/x'];
    expect(parseCommand(words)).toEqual({ ...defaults, config: '/x', rounds: 2, seconds: 1, besideVolumes: true });
  });

  it.each([
    [['calibrate'], 'needs the name of a pool'],
    [['calibrate', 'a', 'b'], '"b" is too much after "calibrate a"'],
    [['calibrate', 'a', '--rounds', '0'], '--rounds 0 must be a whole number from 1 to 9999'],
    [['calibrate', 'a', '--seconds', '1.5'], '--seconds 1.5 must be'],
    [['all', '--rounds', '2', '--beside-volumes'], '--rounds, --beside-volumes belongs to calibrate'],
  ])('%j is misuse', (words, problem) => {
    expect(() => parseCommand(words)).toThrow(expect.objectContaining({ kind: 'invalid' }));
    expect(() => parseCommand(words)).toThrow(problem);
  });
});

test.each([
  [['orphans'], { action: 'list' }],
  [['orphans', 'release', 'n:x'], { action: 'release', id: 'n:x' }],
  [['orphans', 'delete', 'n:x'], { action: 'delete', id: 'n:x', yes: false }],
  [['orphans', 'delete', 'n:x', '--yes'], { action: 'delete', id: 'n:x', yes: true }],
])('%j', (argv, what) => {
  expect(parseCommand(argv)).toEqual({ name: 'orphans', config: '/etc/quarry/config.yaml', what });
});

test.each([
  [['orphans', 'delete']],
  [['orphans', 'delete', 'n:x', 'n:y']],
  [['orphans', 'release']],
  [['orphans', 'keep', 'n:x']],
  [['orphans', '--yes']],
  [['orphans', 'release', 'n:x', '--yes']],
  [['controller', '--yes']],
])('%j is no command', (argv) => {
  expect(() => parseCommand(argv)).toThrow(expect.objectContaining({ kind: 'invalid' }));
});

describe('--registration', () => {
  const config = '/etc/quarry/config.yaml';

  it.each(['node', 'all'])('is of %s', (role) => {
    expect(parseCommand([role])).toEqual({ name: 'serve', role, config });
    const words = [role, '--registration=external'];
    expect(parseCommand(words)).toEqual({ name: 'serve', role, config, registration: 'external' });
  });

  it.each([
    [['controller', '--registration', 'self'], '--registration belongs to node and all'],
    [['check', 'node', '--registration', 'self'], '--registration belongs to node and all'],
    [['node', 'x', '--registration', 'self'], '--registration belongs to node and all'],
    [['node', '--registration', 'both'], '--registration both must be self or external'],
  ])('%j is misuse', (words, problem) => {
    expect(() => parseCommand(words)).toThrow(problem);
  });
});
