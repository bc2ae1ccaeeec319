import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeSignature, readBlkid, readWipefsJson, readWipefsTable } from '../../../src/pools/signatures.ts';
import { parseSwaps } from '../../../src/pools/swaps.ts';

const answer = (exitCode: number, stdout = '', stderr = '') => ({ exitCode, stdout, stderr });
const ext4 = { type: 'ext4', uuid: '0b5daaff-fe3d-4f82-89d8-e31a0c309960', label: 'a b"c' };

describe('blkid', () => {
  test('finds nothing only with exit code 2 and no output', () => {
    expect(readBlkid(answer(2))).toEqual({ found: [] });
    expect(readBlkid(answer(2, '', 'blkid: error: /dev/sda: Input/output error'))).toHaveProperty('unknown');
    expect(readBlkid(answer(2, 'TYPE=ext4'))).toHaveProperty('unknown');
  });

  test('reads the signatures of blkid', () => {
    const stdout = `DEVNAME=/dev/sda\nLABEL=a\\ b\\"c\nUUID=${ext4.uuid}\nVERSION=1.0\nTYPE=ext4\nUSAGE=filesystem\n`;
    expect(readBlkid(answer(0, stdout))).toEqual({ found: [ext4] });
    expect(readBlkid(answer(0, 'DEVNAME=/dev/sda\nPTUUID=1\nPTTYPE=gpt\n'))).toEqual({
      found: [{ type: 'a partition table of type gpt' }],
    });
  });

  test('distinguishes the entry of a partition, which is not content, from an answer without information', () => {
    expect(readBlkid(answer(0, 'DEVNAME=/dev/sda1\nPART_ENTRY_SCHEME=gpt\nPART_ENTRY_NUMBER=1\n'))).toEqual({
      found: [],
    });
    expect(readBlkid(answer(0))).toHaveProperty('unknown');
    expect(readBlkid(answer(0, 'DEVNAME=/dev/sda\n'))).toHaveProperty('unknown');
    expect(readBlkid(answer(0, 'UUID=1\nPART_ENTRY_SCHEME=gpt\n'))).toHaveProperty('unknown');
  });

  test('proves nothing with any other exit code and any output', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 255 }), fc.string(), fc.string(), (code, stdout, stderr) => {
        fc.pre(code !== 2);
        expect(readBlkid(answer(code, stdout, stderr))).toHaveProperty('unknown');
      }),
    );
    expect(readBlkid(answer(8))).toEqual({ unknown: expect.stringContaining('contradict') });
  });

  test('never finds an empty device in arbitrary output', () => {
    fc.assert(
      fc.property(fc.string(), (stdout) => {
        fc.pre(!stdout.includes('PART_ENTRY_'));
        const seen = readBlkid(answer(0, stdout));
        expect('unknown' in seen || seen.found.length > 0).toBe(true);
      }),
    );
  });
});

describe('wipefs', () => {
  test('reads the JSON of wipefs', () => {
    const signatures = [
      { device: 'sda', offset: '0x438', ...ext4 },
      { offset: '0x1fe', type: 'dos', uuid: null },
    ];
    expect(readWipefsJson(answer(0, JSON.stringify({ signatures })))).toEqual({ found: [ext4, { type: 'dos' }] });
    expect(readWipefsJson(answer(0, '{\n "signatures": [\n\n ]\n}\n'))).toEqual({ found: [] });
    expect(readWipefsJson(answer(0, ''))).toEqual({ found: [] });
    for (const text of ['{', '[]', '{}', 'null', '{"signatures": 1}']) {
      expect(readWipefsJson(answer(0, text))).toHaveProperty('unknown');
    }
    expect(readWipefsJson(answer(1, '{"signatures": []}', 'no'))).toEqual({ unknown: 'ended with exit code 1: no' });
    expect(readWipefsJson(answer(0, '{"signatures": [null]}'))).toEqual({
      found: [{ type: 'a signature without a type' }],
    });
  });

  test('reads the table of wipefs', () => {
    const table = `# offset,uuid,label,type\n0x438,${ext4.uuid},a,ext4\n0x1fe,,,dos\nodd\n`;
    expect(readWipefsTable(answer(0, table))).toEqual({
      found: [{ type: 'ext4', uuid: ext4.uuid, label: 'a' }, { type: 'dos' }, { type: 'unknown (odd)' }],
    });
    expect(readWipefsTable(answer(0, ''))).toEqual({ found: [] });
    expect(readWipefsTable(answer(1))).toHaveProperty('unknown');
  });
});

test('quotes a label from a disk', () => {
  expect(describeSignature({ type: 'ext4', label: '\u001b[31m"x' })).toBe(String.raw`ext4 (label "\u001b[31m\"x")`);
});

describe('procfs', () => {
  test('reads /proc/swaps', () => {
    const header = 'Filename\t\t\t\tType\t\tSize\n';
    expect(parseSwaps(header)).toEqual([]);
    expect(parseSwaps(`${header}/dev/sda2 partition\t1\n/swap\\040file\tfile\t2\n`)).toEqual([
      '/dev/sda2',
      '/swap file',
    ]);
    expect(() => parseSwaps('')).toThrow('format of /proc/swaps');
  });
});
