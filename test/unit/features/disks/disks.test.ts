import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import { createDisksPart } from '../../../../src/features/disks/node.ts';
import { evacuateDisk } from '../../../../src/features/disks/requests.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { quarry } from '../../cli/harness.ts';
import { memoryLog, serve } from '../../grpc/harness.ts';
import { FakeLvm } from '../../lvm/fake-lvm.ts';
import { fakeStorage, idOf } from '../../lvm/fake-storage.ts';
import type { Relocation } from '../../../../src/lvm/evacuation/leaving-disks.ts';

const { signal } = new AbortController();

test.each([{ dryRun: true }, { remove: true }, { erase: 'zero' }])(
  'an evacuation is not ended and begun by one command: %o',
  async (more) => {
    const given = {
      config: '/nowhere',
      disk: '/dev/sdb',
      dryRun: false,
      remove: false,
      cancel: true,
      erase: undefined,
      ...more,
    };
    await expect(evacuateDisk(given)).rejects.toThrow('give --cancel alone');
  },
);

test.each([
  ['starts its job', false, 1],
  ['starts nothing in a dry run', true, 0],
])('a node that is asked to evacuate a disk says what moves, and %s', async (_, dryRun, tries) => {
  const asked: unknown[] = [];
  let tried = 0;
  const moved: Relocation = { lv: 'vg/a', volume: undefined, size: 4n * MiB, to: '/dev/sdc' };
  const leaving = {
    begin: async (...words: unknown[]) => (asked.push(words), [moved]),
    keep: async () => undefined,
  };
  const local = { ...fakeStorage(), missing: { giveUp: () => undefined } };
  const { log } = memoryLog();
  const part = createDisksPart({ local, leaving, jobs: { retry: () => (tried += 1) }, log });
  const ask = (more: object = {}) => part.admin?.evacuateDisk?.({ ...request, ...more }, { signal } as never);
  const request = { disk: 'a-uuid', dryRun, remove: true, erase: 'zero', to: '/dev/sdc', toSize: '4096' };
  expect(await ask()).toEqual({
    relocations: [{ lv: 'vg/a', volumeId: '', claim: '', size: String(4n * MiB), to: '/dev/sdc' }],
  });
  expect(asked).toEqual([
    ['a-uuid', { removed: true, dryRun, erase: 'zero', replacement: { device: '/dev/sdc', size: 4096n } }, signal],
  ]);
  expect(tried).toBe(tries);
  for (const [wrong, problem] of [
    [{ erase: 'shred' }, 'known: discard, zero'],
    [{ remove: false }, 'give --erase with --remove'],
  ] as const)
    await expect(ask(wrong)).rejects.toThrow(problem);
  expect(asked).toHaveLength(1);
});

/** A node with a volume of a claim on a disk, and the command line that asks it. */
async function withClaim(device: string) {
  const lvm = new FakeLvm();
  const tags = ['quarry.id=node-1:a', 'quarry.role=volume', 'quarry.pv=pv=pvc-1&namespace=db&claim=data-0'];
  lvm.volumes.set('a', { size: 4n * MiB, tags: new Set(tags), row: { lv_health_status: 'partial' } });
  const missing = device.startsWith('/') ? '' : 'missing';
  lvm.disks = [{ pv_name: device, pv_uuid: 'a-uuid', pv_missing: missing, pv_size: String(64n * MiB), pv_free: '0' }];
  const segment = { pv_name: device, pv_uuid: 'a-uuid', vg_name: 'vg', lv_name: 'a', segtype: 'linear' };
  const report = lvm.report.bind(lvm);
  lvm.report = async (argv) =>
    argv[0] === 'pvs' ? { ok: true, rows: [{ ...segment, pvseg_start: '0', pvseg_size: '1' }] } : report(argv);
  const local = { ...fakeStorage({ lvm }), missing: { giveUp: () => undefined } };
  await local.cache.refresh();
  const moved: Relocation = { lv: 'vg/a', volume: idOf('a'), size: 4n * MiB, to: '/dev/sdc' };
  const leaving = { begin: async () => [moved], keep: async () => undefined };
  const { admin: Admin } = createDisksPart({ local, leaving, jobs: { retry: () => undefined }, log: memoryLog().log });
  const { path } = await serve({}, { additional: [{ interface: admin, services: { Admin } }] });
  const config = `${path}.yaml`;
  await writeFile(config, `pools: []\nendpoint: unix://${path}`);
  return async (...words: string[]) => (await quarry([...words, '--dry-run', '--config', config])).stdout;
}

test('the claims of what moves from a disk are named', async () => {
  const run = await withClaim('/dev/sdb');
  expect(await run('disks', 'evacuate', '/dev/sdb')).toMatch(/^vg\/a +node-1:a +db\/data-0 +4 MiB +\/dev\/sdc$/m);
  const { items } = JSON.parse(await run('disks', 'evacuate', '/dev/sdb', '-o', 'json')) as { items: object[] };
  expect(items).toEqual([
    { lv: 'vg/a', volume: 'node-1:a', claim: 'db/data-0', size: Number(4n * MiB), to: '/dev/sdc' },
  ]);
});

test('the claims of what a missing disk had are named', async () => {
  const run = await withClaim('[unknown]');
  expect(await run('disks', 'give-up', 'a-uuid')).toMatch(/^vg\/a +node-1:a +db\/data-0 +4 MiB +lost$/m);
  const { items } = JSON.parse(await run('disks', 'give-up', 'a-uuid', '-o', 'json')) as { items: object[] };
  expect(items).toEqual([{ lv: 'vg/a', id: 'node-1:a', claim: 'db/data-0', size: Number(4n * MiB), becomes: 'lost' }]);
});
