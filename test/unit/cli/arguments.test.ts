import { describe, expect, it } from 'vitest';
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
