import { describe, expect, it } from 'vitest';
import { capabilityProblems, parseCapability } from '../../../src/domain/capability.ts';

const writer = { mode: 'SINGLE_NODE_WRITER' };

describe('parseCapability', () => {
  it('chooses ext4 for a mount without a filesystem', () =>
    expect(parseCapability({ mount: {}, accessMode: writer })).toEqual({
      access: 'mount',
      mode: 'SINGLE_NODE_WRITER',
      filesystem: 'ext4',
      mountFlags: [],
    }));

  it('reads a block capability', () =>
    expect(parseCapability({ block: {}, accessMode: writer })).toEqual({
      access: 'block',
      mode: 'SINGLE_NODE_WRITER',
    }));

  it.each([
    [['ro,noexec'], ['ro', 'noexec']],
    [
      ['noatime', '', 'rw,,discard'],
      ['noatime', 'rw', 'discard'],
    ],
    [['ro', 'rw'], ['rw']],
    [['rw,noexec,ro'], ['noexec', 'ro']],
    [['context="s:c1,c2",ro'], ['context="s:c1,c2"', 'ro']],
  ])('reads the mount flags %j as mount(8) does: %j', (mountFlags, expected) =>
    expect(parseCapability({ mount: { mountFlags }, accessMode: writer })).toMatchObject({ mountFlags: expected }),
  );

  it('names every problem at once', () => {
    const problems = capabilityProblems({
      mount: { fsType: 'ntfs', volumeMountGroup: '1000' },
      accessMode: { mode: 'MULTI_NODE_MULTI_WRITER' },
    });
    expect(problems).toHaveLength(3);
    expect(problems.join()).toMatch(/MULTI_NODE_MULTI_WRITER.*ntfs.*volume_mount_group/);
  });

  it.each([null, undefined, {}, { accessMode: writer }, { block: {} }, { block: {}, accessMode: { mode: 77 } }])(
    'refuses %o',
    (message) => expect(() => parseCapability(message)).toThrow(/volume_capability/),
  );
});
