import { expect, test } from 'vitest';
import { fast, lean, never, withVolume } from './harness.ts';
import { specOf } from '../../fleet/gated-storage.ts';

test('status shows the fleet, a bar for each pool, and that nothing needs attention', async () => {
  const { run, storages } = await withVolume();
  const qos = { limits: {}, reservations: { readIops: { fixed: 100n } }, enforcement: 'report' } as const;
  await storages.a.create({ ...specOf('pvc-2'), qos }, never);
  const { stdout } = await run('status');
  expect(stdout).toContain('Nodes: 2 connected. Volumes: 2. Snapshots: 0.\n');
  expect(stdout).toMatch(/^a +fast +32 GiB +2 +\[#\.{9}\] 0 % +\[##\.{8}\] 20 %$/m);
  expect(stdout).toMatch(/^b +lean +8 GiB +0 +\[#{7}\.{3}\] 71 % +\[#\.{9}\] 2 %$/m);
  expect(stdout).toMatch(/\nNothing needs attention\.\n$/);
});

test('status names all that needs attention with what to do, and a thin pool once', async () => {
  const claims = async () => ({ claims: [{ volume: volume.id, namespace: 'db', name: 'data-0' }] });
  const begun = await withVolume({ claims });
  const { run, storages, away, volume } = begun;
  away.add('b');
  const full = { reason: 'ThinPoolOutOfData', message: 'add a disk' } as const;
  storages.a.health.set(lean, [full]);
  storages.a.health.set(volume.id, [{ reason: 'MirrorDegraded', message: 'replace the disk' }]);
  const onLean = { ...volume, id: 'a:q-thin' as typeof volume.id, pool: lean, layout: { type: 'thin' } as const };
  storages.a.volumes.set(onLean.id, onLean);
  const { stdout } = await run('status');
  expect(stdout).toContain('Nodes: 1 connected, 1 disconnected.');
  expect(stdout.slice(stdout.indexOf('Needs attention'))).toBe(
    `Needs attention:
  node b: NodeDisconnected
    not connected to this controller since 2026-11-21T12:00:00.000Z: its volumes cannot be changed; look after the node
  pool lean on node a: ThinPoolOutOfData
    add a disk
  claim db/data-0 (volume ${volume.id}): MirrorDegraded
    replace the disk
`,
  );
});

test('status is an object for programs', async () => {
  const { json, storages } = await withVolume();
  storages.b.loseReadiness(fast, 'its volume group is missing');
  expect(await json('status')).toMatchObject({
    nodes: [{ node: 'a' }, { node: 'b' }],
    pools: [{ node: 'a', pool: 'fast' }, {}, {}, {}],
    attention: [{ node: 'b', pool: 'fast', reason: 'PoolNotReady', message: 'its volume group is missing' }],
  });
  expect((await (await withVolume()).run('status', '-o', 'yaml')).stdout).toMatch(/^nodes:\n/);
});

test('with --watch, status asks again for each result that it shows', async () => {
  let asked = 0;
  const claims = async () => {
    asked += 1;
    await storages.b.create(specOf(`pvc-${asked + 1}`), never);
    return { claims: [] };
  };
  const { run, storages } = await withVolume({ claims });
  const { shown, stdout } = await run('status', '--watch');
  expect(shown.map((text) => /Volumes: (\d+)/.exec(text)?.[1])).toEqual(['1', '2', '3']);
  expect(stdout).toBe('');
});
