import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { isFailure } from '../../../src/domain/errors.ts';
import { parseMountinfo } from '../../../src/kernel/mountinfo.ts';
import { decodeDocument } from '../../../src/lvm/process/report.ts';
import { decodeTagValue, parseTags, tag } from '../../../src/lvm/tags.ts';
import { createRandom } from '../../storm/random.ts';
import { mutate } from '../../fuzz/wire.ts';

const rows = { lv: [{ lv_name: 'pvc-0', lv_size: '4194304', nested: { toString: 1 } }] };
const report = JSON.stringify({ report: [rows], log: [{ log_type: 'status', log_ret_code: '1' }] });
const mounts = `22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw
36 22 253:4 / /kubelet/a\\040b rw,noatime master:1 - ext4 /dev/mapper/vg-a rw,errors=remount-ro
`;
const tags = [tag('name', 'größe, 💥'), tag('id', 'n1:pvc-0'), 'foreign', 'quarry.v=1'].join(',');
const config = `node: n1
endpoint: unix:///run/quarry/csi.sock
lvm: { deadline: 30s }
pools:
  - { name: fast, volumeGroup: vg, type: thin, thin: { share: 50%, overprovision: 2 }, disks: { paths: ["/dev/ubd*"] } }
`;

/** The text with some of its bytes changed, as it would be read. */
const changed = (text: string) =>
  fc.tuple(fc.nat(1_000_000), fc.nat(3)).map(([seed, times]) => {
    const random = createRandom(seed, 0);
    let bytes: Buffer = Buffer.from(text);
    for (let count = 0; count <= times; count += 1) bytes = mutate(bytes, random);
    return bytes.toString();
  });

function allowing(refusal: (error: unknown) => boolean, parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!refusal(error)) throw error;
  }
}

test('a report of LVM with any bytes changed is read into texts, or refused as unavailable', () => {
  fc.assert(
    fc.property(changed(report), (text) => {
      allowing(
        (error) => isFailure(error, 'unavailable'),
        () => {
          const { rows: all, log } = decodeDocument(text);
          for (const row of [...all, ...log])
            for (const value of Object.values(row)) expect(typeof value).toBe('string');
        },
      );
    }),
    { numRuns: 1000 },
  );
});

test('a mount table with any bytes changed is read, or refused for its format', () => {
  fc.assert(
    fc.property(changed(mounts), (text) => {
      allowing(
        (error) => error instanceof Error && error.message.startsWith('unknown format'),
        () => {
          for (const { target, root, options } of parseMountinfo(text)) {
            expect([target, root].every((path) => path !== '')).toBe(true);
            expect(options.length).toBeGreaterThan(0);
          }
        },
      );
    }),
    { numRuns: 1000 },
  );
});

test('tags with any bytes changed are read as texts, or left out', () => {
  fc.assert(
    fc.property(changed(tags), (text) => {
      for (const value of parseTags(text).values()) expect(value).toBe(value.toWellFormed());
      const value = decodeTagValue(text);
      expect(value === undefined || value.isWellFormed()).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('a configuration with any bytes changed is read, or refused with its problems', () => {
  const environment = { nodeName: 'n1', endpoint: undefined, apiServer: undefined, hostname: 'n1' };
  fc.assert(
    fc.property(changed(config), (text) => {
      allowing(
        (error) => isFailure(error, 'invalid') && error.message !== '',
        () => {
          expect(parseConfig(text, environment as never).pools.length).toBeGreaterThanOrEqual(0);
        },
      );
    }),
    { numRuns: 200 },
  );
});
