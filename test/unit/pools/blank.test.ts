import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { proveBlank } from '../../../src/pools/blank.ts';
import type { Disk } from '../../../src/pools/discover.ts';
import { Failure } from '../../../src/domain/errors.ts';
import type { RunResult } from '../../../src/exec/run.ts';
import {
  diskSize as size,
  diskUuid as uuid,
  type FakeDisk,
  FakeMachine,
  firstText,
  metadataHeader,
  metadataText,
  probeOf,
  pvLabel,
} from './fake-machine.ts';

const mebibyte = 1024 * 1024;

let machine: FakeMachine;
beforeEach(async () => {
  machine = await FakeMachine.create();
});
afterEach(() => machine[Symbol.asyncDispose]());

async function findingsOf(disk: Disk, probe = probeOf(machine)): Promise<readonly string[]> {
  const proof = await proveBlank(disk, probe);
  return proof.blank ? [] : proof.findings;
}

/** blkid and wipefs find nothing unless `answers` says otherwise. */
function programs(answers: { blkid?: Partial<RunResult> | Failure; wipefs?: Partial<RunResult> | Failure }) {
  const nothing = { blkid: { exitCode: 2 }, wipefs: { exitCode: 0 } };
  return probeOf(machine, async ([program]) => {
    const answer = { ...nothing, ...answers }[program as 'blkid' | 'wipefs'];
    if (answer instanceof Failure) throw answer;
    return { exitCode: 0, stdout: '', stderr: '', ...answer };
  });
}

describe('a disk of zeros', () => {
  test('a disk of zeros is blank', async () => {
    expect(await proveBlank(await machine.addDisk(), probeOf(machine))).toEqual({ blank: true });
  });

  test.each([512, mebibyte - 512, mebibyte, mebibyte + 512, 2 * mebibyte - 512])(
    'a disk of %d zero bytes is blank',
    async (bytes) => {
      expect(await findingsOf(await machine.addDisk({ size: bytes }))).toEqual([]);
    },
  );
});

describe('the header of a metadata area, of a pvcreate that was cut off before it wrote the label,', () => {
  const findingsWith = async (...writes: readonly (readonly [at: number, bytes: Buffer | string])[]) => {
    const disk = await machine.addDisk();
    for (const [at, bytes] of writes) await machine.write('sda', at, bytes);
    return findingsOf(disk, programs({}));
  };

  test('is no data, if it stands alone', async () => {
    expect(await findingsWith([4096, metadataHeader()])).toEqual([]);
  });

  test.each([
    ['the place of committed metadata', 4136, [[4096, metadataHeader(512n)]]],
    ['the place of prepared metadata', 4160, [[4096, metadataHeader(0n, 512n)]]],
    [
      'metadata',
      firstText,
      [
        [4096, metadataHeader()],
        [firstText, metadataText({ group: 'vg', uuid: 'A', sequence: 1 }, [], uuid)],
      ],
    ],
    [
      'a label',
      512,
      [
        [512, pvLabel(uuid)],
        [4096, metadataHeader()],
      ],
    ],
    ['another place', 8192, [[8192, metadataHeader()]]],
  ] as const)('is data with %s', async (_what, at, writes) => {
    const [finding = ''] = await findingsWith(...writes);
    expect(Number(/data at byte (\d+)$/.exec(finding)?.[1])).toBeGreaterThanOrEqual(at);
  });
});

describe('a disk that is not blank', () => {
  test('is not blank with one byte anywhere in its first or last MiB', async () => {
    const disk = await machine.addDisk();
    const place = fc.oneof(fc.nat(mebibyte - 1), fc.integer({ min: size - mebibyte, max: size - 1 }));
    await fc.assert(
      fc.asyncProperty(place, fc.integer({ min: 1, max: 255 }), async (at, byte) => {
        await machine.write('sda', at, Buffer.of(byte));
        const which = at < mebibyte ? 'first' : 'last';
        expect(await findingsOf(disk, programs({}))).toEqual([`the ${which} MiB is not zero: data at byte ${at}`]);
        await machine.write('sda', at, Buffer.of(0));
      }),
      { numRuns: 30 },
    );
  });

  test('is not blank with a signature that blkid and wipefs see', async () => {
    const disk = await machine.addDisk();
    await machine.write('sda', 512, pvLabel(uuid));
    expect(await findingsOf(disk)).toEqual([
      `blkid sees LVM2_member (uuid ${uuid})`,
      `wipefs sees LVM2_member (uuid ${uuid})`,
      'the first MiB is not zero: data at byte 512',
    ]);
  });

  test.each<[string, FakeDisk, string]>([
    ['read-only', { readOnly: true }, 'it is read-only'],
    ['in partitions', { partitions: ['sda1', 'sda2'] }, 'it has partitions: sda1, sda2'],
    ['held', { holders: ['dm-0', 'md1'] }, 'it is held by dm-0, md1'],
  ])('is not blank if it is %s', async (_, facts, finding) => {
    expect(await findingsOf(await machine.addDisk(facts))).toEqual([finding]);
  });

  test('is not blank if it is mounted, by number, by path, or only on the host', async () => {
    const disk = await machine.addDisk();
    const line = (number: string, source: string) => `9 1 ${number} / /data rw - ext4 ${source} rw\n`;
    await machine.mounts(line('8:0', '/dev/root'));
    expect(await findingsOf(disk)).toEqual(['it is mounted at /data']);
    await machine.mounts(line('0:44', disk.device));
    expect(await findingsOf(disk)).toEqual(['it is mounted at /data']);
    await machine.mounts(line('8:99', '/dev/other'));
    expect(await findingsOf(disk)).toEqual([]);
    await machine.mounts(line('8:0', '/dev/root'), '1');
    expect(await findingsOf(disk)).toEqual(['it is mounted at /data']);
  });

  test('is not blank if it is in use as swap', async () => {
    const disk = await machine.addDisk();
    await machine.swaps(`${disk.device} partition 1 0 -2\n`);
    expect(await findingsOf(disk)).toEqual(['it is in use as swap']);
  });

  test('is not blank if it was replaced or is gone', async () => {
    const disk = await machine.addDisk();
    await writeFile(join(machine.sysfs('sda'), 'diskseq'), '8\n');
    expect(await findingsOf(disk)).toEqual([expect.stringMatching(/^it is not the disk that was found before/)]);
    await rm(machine.sysfs('sda'), { recursive: true });
    await rm(disk.device);
    expect(await findingsOf(disk, programs({}))).toEqual([
      'it is gone',
      expect.stringMatching(/^it could not be opened: ENOENT/),
    ]);
  });

  test('lists all findings', async () => {
    const disk = await machine.addDisk({ readOnly: true, holders: ['dm-0'], partitions: ['sda1'] });
    await machine.swaps(`${disk.device} partition 1 0 -2\n`);
    await machine.mounts(`9 1 8:0 / /data rw - ext4 ${disk.device} rw\n`);
    await machine.write('sda', 512, pvLabel(uuid));
    await machine.write('sda', size - 1, 'x');
    expect(await findingsOf(disk)).toHaveLength(9);
  });
});

describe('a disk with a failed probe', () => {
  const failure = new Failure('unavailable', 'it did not end within 10 ms and was killed');

  test.each([
    ['blkid is ambivalent', { blkid: { exitCode: 8 } }, /^blkid could not be checked: blkid sees signatures/],
    ['blkid fails', { blkid: { exitCode: 4, stderr: 'usage' } }, /^blkid could not be checked: .*exit code 4: usage$/],
    ['blkid does not know -p', { blkid: { exitCode: 0 } }, /^blkid could not be checked: .*no output/],
    ['blkid does not run', { blkid: failure }, /^blkid could not be checked: it did not end/],
    ['wipefs fails', { wipefs: { exitCode: 1, stderr: 'no' } }, /^wipefs could not be checked: .*exit code 1: no$/],
    ['wipefs is not understood', { wipefs: { stdout: '{}' } }, /^wipefs could not be checked: |^wipefs sees unknown/],
    ['wipefs does not run', { wipefs: failure }, /^wipefs could not be checked: it did not end/],
  ])('is not blank if %s', async (_, answers, expected) => {
    const findings = await findingsOf(await machine.addDisk(), programs(answers));
    expect(findings[0]).toMatch(expected);
  });

  test('does not open a disk in this process on which a program hangs', async () => {
    const findings = await findingsOf(await machine.addDisk(), programs({ blkid: failure }));
    expect(findings).toContain('its first and last MiB were not read, because an earlier probe failed');
  });

  test('is not blank if the files of the kernel cannot be read', async () => {
    const disk = await machine.addDisk();
    await rm(join(machine.roots.proc, 'swaps'));
    await rm(join(machine.roots.proc, '1/mountinfo'));
    await rm(join(machine.sysfs('sda'), 'holders'), { recursive: true });
    expect((await findingsOf(disk)).map((finding) => finding.split(':')[0])).toEqual([
      'sysfs could not be checked',
      'mounts could not be checked',
      'swap could not be checked',
    ]);
  });

  test('is not blank if the device ends before its size', async () => {
    const disk = await machine.addDisk();
    await truncate(disk.device, size - 512);
    expect(await findingsOf(disk)).toEqual([`the last MiB could not be read: the device ends at byte ${size - 512}`]);
  });

  test('throws cancelled for a call that was given up, and reports no finding', async () => {
    const disk = await machine.addDisk();
    const cancelled = programs({ blkid: new Failure('cancelled', 'blkid was cancelled') });
    await expect(proveBlank(disk, cancelled)).rejects.toMatchObject({ kind: 'cancelled' });
    const aborted = proveBlank(disk, programs({}), AbortSignal.abort());
    await expect(aborted).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

const tableForPeople =
  'offset               type\n----------------------------------------------------------------\n0x1fe                dos   [partition table]\n';

test('reads the table of a wipefs without JSON', async () => {
  const disk = await machine.addDisk();
  const old = probeOf(machine, async (argv) => {
    if (argv[0] === 'blkid') return { exitCode: 2, stdout: '', stderr: '' };
    if (argv.includes('--json')) return { exitCode: 1, stdout: '', stderr: "unrecognized option '--json'" };
    const stdout = argv.includes('--parsable') ? '# offset,uuid,label,type\n0x1fe,,,dos\n' : tableForPeople;
    return { exitCode: 0, stdout, stderr: '' };
  });
  expect(await findingsOf(disk, old)).toEqual(['wipefs sees dos']);
});
