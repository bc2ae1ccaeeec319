import { expect, test } from 'vitest';
import { GiB } from '../../../../src/domain/bytes.ts';
import type { Condition } from '../../../../src/domain/health.ts';
import type { PoolName } from '../../../../src/domain/ids.ts';
import type { Pool } from '../../../../src/domain/pool.ts';
import { checkVisible } from '../../../../src/features/doctor/lvm.ts';
import { checkDisks, checkPools, poolFindings } from '../../../../src/features/doctor/storage.ts';
import type { Candidate } from '../../../../src/pools/candidates.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { fakeHost } from './harness.ts';

const spec = thickSpec('fast', { disks: { paths: ['/dev/sd?'] } });
const disk = (device: string, more: object): Candidate =>
  ({ device, path: device, pool: spec, size: GiB, ...more }) as unknown as Candidate;

/** A host with these disks and pools. */
function machine(disks: readonly Candidate[], pools: readonly Pool[] = []) {
  const host = fakeHost();
  host.storage = { disks, inventory: new MemoryStorage('a', [...pools]).inventory() };
  return host;
}

const outcomes = (findings: readonly { outcome: string; found: string }[]) =>
  findings.map(({ outcome, found }) => `${outcome}: ${found}`);

test('disks that cannot be taken have their reasons, and those to approve the command', async () => {
  const host = machine([
    disk('/dev/sda', { verdict: 'member' }),
    disk('/dev/sdb', { verdict: 'proposed' }),
    disk('/dev/sdc', { verdict: 'refused', findings: ['it has a partition table', 'it is mounted'] }),
    disk('/dev/sdd', { verdict: 'returned', findings: ['it was a member'] }),
    disk('/dev/sde', { verdict: 'interrupted' }),
  ]);
  const findings = await checkDisks(host, { pools: [spec] });
  expect(outcomes(findings)).toEqual([
    'warning: /dev/sdb is blank, and not in pool fast yet',
    'warning: /dev/sdc is refused: it has a partition table; it is mounted',
    'warning: /dev/sdd: it was a member',
    'warning: /dev/sde is being taken for pool fast',
  ]);
  expect(findings[0]?.remedy).toBe('quarry disks approve /dev/sdb');
});

test('a rule that matches no disk is an error until the pool exists', async () => {
  expect(outcomes(await checkDisks(machine([]), { pools: [spec] }))).toEqual([
    'error: no disk matches the rule of pool fast: /dev/sd?',
  ]);
  expect(outcomes(await checkDisks(machine([], [emptyPool(spec, GiB)]), { pools: [spec] }))).toEqual([
    'ok: no rule for disks',
  ]);
});

test('a disk of a pool that the filter of the host hides is named', async () => {
  const host = machine([disk('/dev/sda', { verdict: 'member' }), disk('/dev/sdb', { verdict: 'member' })]);
  host.programs.set('lvm pvs --noheadings -o pv_name', { stdout: '  /dev/sda\n' });
  expect(outcomes(await checkVisible(host))).toEqual([expect.stringMatching(/^warning: .* does not show \/dev\/sdb:/)]);
  host.programs.set('lvm pvs --noheadings -o pv_name', { stdout: '  /dev/sda\n  /dev/sdb\n' });
  expect(outcomes(await checkVisible(host))).toEqual([expect.stringMatching(/^ok: /)]);
});

const thin = { size: 8n * GiB, promised: 8n * GiB, dataPercent: 79, metadataPercent: 79 };
const thinPool = {
  ...emptyPool(thickSpec('lean', { type: 'thin', thin: { share: 95, overprovision: 1, refuseAt: 95 } }), 8n * GiB),
};

test('pools that are nearly full: data, metadata, and the area for metadata of their group', () => {
  const of = (pool: Pool) =>
    outcomes(poolFindings({ pools: new Map([[pool.spec.name, pool]]), unready: new Map(), health: new Map() }));
  expect(of({ ...thinPool, thin })).toEqual(['ok: ready: lean']);
  expect(of({ ...thinPool, thin: { ...thin, dataPercent: 80 } })).toEqual([
    'warning: the data of pool lean is 80 % full',
  ]);
  expect(of({ ...thinPool, thin: { ...thin, metadataPercent: 96.5 } })).toEqual([
    'warning: the metadata of pool lean is 96 % full',
  ]);
  expect(of({ ...thinPool, thin, metadata: { size: 100n, free: 11n } })).toEqual(['ok: ready: lean']);
  expect(of({ ...thinPool, thin, metadata: { size: 100n, free: 10n } })).toEqual([
    expect.stringMatching(/^warning: the metadata area of volume group \S+ is nearly full$/),
  ]);
});

test('a pool that cannot serve, a degraded mirror and a lost disk are found, with the remedy of the reference', () => {
  const health = new Map<string, readonly Condition[]>([
    ['a:pvc-1', [{ reason: 'MirrorDegraded', message: 'a copy is missing' }]],
    ['fast', [{ reason: 'VolumeGroupMissing', message: 'fast is gone' }]],
  ]);
  const findings = poolFindings({ pools: new Map(), unready: new Map([['fast' as PoolName, 'no disk']]), health });
  expect(outcomes(findings)).toEqual([
    'error: pool fast cannot serve: no disk',
    'warning: a:pvc-1: MirrorDegraded: a copy is missing',
    'error: fast: VolumeGroupMissing: fast is gone',
  ]);
  expect(findings[1]?.remedy).toContain('Replace the disk');
});

test('LVM that does not answer leaves the pools unknown', async () => {
  await expect(checkPools(fakeHost())).rejects.toThrow('LVM does not answer');
});
