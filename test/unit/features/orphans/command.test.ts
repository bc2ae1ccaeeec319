import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { formatAge } from '../../../../src/features/orphans/command.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { createServer } from '../../../../src/grpc/server.ts';
import { quarry } from '../../cli/harness.ts';
import { memoryLog, temporarySocket } from '../../grpc/harness.ts';
import { minute, never, withOrphan } from './harness.ts';

type Answer = Parameters<typeof quarry>[1];

async function served() {
  const begun = await withOrphan();
  const path = temporarySocket();
  const server = createServer({
    endpoint: `unix://${path}`,
    interface: admin,
    services: { Admin: createOrphanService(begun.orphans, begun.removal, () => begun.clock.now) },
    log: memoryLog().log,
  });
  await server.start();
  onTestFinished(() => void server.stop(0));
  return { ...begun, run: (words: string[], answer?: Answer) => ask(path, words, answer) };
}

/** `quarry orphans …`, with a configuration that names the socket. */
async function ask(socket: string, words: string[], answer?: Answer) {
  const config = `${socket}.yaml`;
  const fleet = 'fleet: { listen: "127.0.0.1:0", certificate: /c, key: /k, clientCa: /ca }';
  await writeFile(config, `admin: unix://${socket}\n${fleet}\n`);
  return quarry(['orphans', ...words, '--config', config], answer);
}

/** Node b reports the same id, after the grace. */
async function twice() {
  const begun = await served();
  const [volume] = [...begun.storages.a.volumes.values()];
  if (!volume) throw new Error('no volume');
  const report = async () => {
    begun.storages.b.volumes.set(volume.id, { ...volume, node: begun.storages.b.node });
    await begun.orphans.look();
    begun.clock.now += 10 * minute;
  };
  await report();
  return { ...begun, report };
}

test('the command shows them in a table', async () => {
  const { run, cutOff, removal, id } = await served();
  const [heading, row, ...more] = (await run([])).stdout.trimEnd().split('\n');
  expect(heading?.split(/\s{2,}/)).toEqual(['ID', 'NODE', 'POOL', 'SIZE', 'AGE', 'SEEN FOR']);
  expect(row?.split(/\s{2,}/)).toEqual([id, 'a', 'fast', '8 MiB', '1d2h', '10m']);
  expect(more).toEqual([]);
  expect((await run(['-o', 'wide'])).stdout).toMatch(/SEEN FOR +NAME\n.* pvc-1\n$/);
  cutOff.add('a');
  expect((await run([])).stdout).toContain('a (disconnected)');
  cutOff.delete('a');
  await removal.remove({ id }, never);
  expect((await run([])).stdout).toBe('Every volume is in a PersistentVolume.\n');
});

test('the command says that snapshots are not listed while it is not known which ones Kubernetes has', async () => {
  const { run, contents } = await served();
  contents.known = undefined;
  expect((await run([])).stdout).toMatch(
    /\n\nNo snapshots: it is not known which VolumeSnapshotContents there are\.\n$/,
  );
});

test('the command shows them to programs, sizes in bytes', async () => {
  const { run, id } = await served();
  const one = { id, node: 'a', connected: true, pool: 'fast', name: 'pvc-1', size: 8 * 2 ** 20, role: '' };
  const items = [{ ...one, ageSeconds: 94_200, looseSeconds: 600, group: '' }];
  expect(JSON.parse((await run(['-o', 'json'])).stdout)).toEqual({ items });
});

test('the command deletes after asking, and does not ask with --yes', async () => {
  const { run, storages, id } = await served();
  const refused = await run(['delete', id], 'y');
  expect(refused).toMatchObject({ stdout: 'Nothing was deleted.\n' });
  expect(refused.questions).toEqual([expect.stringContaining(`${id} (8 MiB on node a, made as "pvc-1")`)]);
  expect(storages.a.volumes.has(id)).toBe(true);
  await expect(run(['delete', 'a:x'], 'yes')).rejects.toMatchObject({ kind: 'precondition' });
  await expect(run(['delete', id])).rejects.toMatchObject({ kind: 'invalid', message: expect.stringMatching(/--yes/) });
  expect(await run(['delete', id, '--yes'])).toMatchObject({ stdout: `${id} is deleted.\n`, questions: [] });
  expect(storages.a.volumes.size).toBe(0);
});

test('the command deletes a group snapshot, and its question counts the members', async () => {
  const { run, storages, claims, orphans, clock, id } = await served();
  claims.known?.add(id);
  const group = await storages.a.groupSnapshots.take({ name: 'group-1', sources: [id] });
  await orphans.look();
  clock.now += 10 * minute;
  expect((await run(['-o', 'wide'])).stdout).toContain(`snapshot  ${group.id}`);
  const { questions, stdout } = await run(['delete', group.id], 'yes');
  expect(questions).toEqual([expect.stringContaining('(group of 1, 8 MiB on node a, made as "group-1")')]);
  expect(stdout).toBe(`${group.id} is deleted.\n`);
  expect(storages.a.snapshots.all.size).toBe(0);
});

test('the command retains, and prints the refusal of the controller', async () => {
  const { run, storages, id } = await served();
  expect((await run(['retain', id])).stdout).toContain('is retained');
  expect(storages.a.volumes.get(id)?.retained).toBe(true);
  const refused = run(['retain', id]);
  await expect(refused).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/none of the orphans/),
  });
});

test('the command shows each node that reports an id, and acts on the one that is named', async () => {
  const { run, storages, id } = await twice();
  const rows = (await run(['-o', 'wide'])).stdout.split('\n').slice(1, 3);
  expect(rows.map((row) => row.split(/\s{2,}/)[1])).toEqual(['a', 'b']);
  const ambiguous = {
    kind: 'precondition',
    message: expect.stringMatching(/on nodes a, b: name one of them with --node/),
  };
  for (const words of [
    ['delete', id],
    ['delete', id, '--yes'],
    ['retain', id],
  ]) {
    await expect(run(words, 'yes')).rejects.toMatchObject(ambiguous);
  }
  await expect(run(['delete', id, '--node', 'c'], 'yes')).rejects.toMatchObject({ kind: 'precondition' });
  await run(['retain', id, '--node', 'a']);
  expect(storages.b.volumes.get(id)?.retained).toBeUndefined();
  const deleted = await run(['delete', id, '--node', 'b'], 'yes');
  expect(deleted.questions).toEqual([expect.stringContaining('on node b')]);
  expect([storages.a.volumes.get(id)?.retained, storages.b.volumes.has(id)]).toEqual([true, false]);
});

test('the command deletes the one that its question has shown', async () => {
  const { run, storages, id, report } = await twice();
  storages.b.volumes.clear();
  await run(['delete', id], async () => {
    await report();
    return 'yes';
  });
  expect([storages.a.volumes.has(id), storages.b.volumes.has(id)]).toEqual([false, true]);
});

test('the command says that no controller serves the socket', async () => {
  await expect(ask(temporarySocket(), [])).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/no Quarry answers/),
  });
});

test('an age has its two largest units', () => {
  expect([0, 59, 60, 3661, 86_400, 93_600, 8_640_000].map(formatAge)).toEqual([
    '0s',
    '59s',
    '1m',
    '1h1m',
    '1d',
    '1d2h',
    '100d',
  ]);
});
