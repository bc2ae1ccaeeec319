import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePoolName, parseVgName, parseVolumeId, volumeIdFor } from '../../../src/domain/ids.ts';
import { lvNameFor, nodeNameFor } from '../../../src/lvm/names.ts';

describe('volume ids', () => {
  it('are read back as they were made, and have 128 bytes at most', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }), fc.domain(), (name, host) => {
        const id = volumeIdFor(nodeNameFor(host), lvNameFor(name));
        expect(parseVolumeId(id)).toEqual({ id, node: nodeNameFor(host), lv: lvNameFor(name) });
        expect(Buffer.byteLength(id)).toBeLessThanOrEqual(128);
        expect(id).not.toContain('/');
      }),
    ));

  it.each(['', 'x', 'reallyfakevolumeid', 'node:', ':lv', 'a/b:c', 'a:b/c', 'node:lv:x', `n:${'a'.repeat(64)}`])(
    'are not "%s"',
    (text) => expect(parseVolumeId(text)).toBeUndefined(),
  );
});

describe('names of groups and pools', () => {
  it.each(['.', '..', '-vg', '', 'a b', 'a/b'])('reject the volume group "%s"', (text) =>
    expect(parseVgName(text)).toBeUndefined(),
  );
  it.each(['Fast', '-a', 'a-', '', 'a.b', 'a'.repeat(64)])('reject the pool "%s"', (text) =>
    expect(parsePoolName(text)).toBeUndefined(),
  );
});
