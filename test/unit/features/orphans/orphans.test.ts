import { type LvName, volumeIdFor } from '../../../../src/domain/ids.ts';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { formatAge } from '../../../../src/features/orphans/command.ts';
import { type Fleet, holdersAmong, type Member } from '../../../../src/domain/fleet.ts';
import { createServer } from '../../../../src/grpc/server.ts';
import { admin } from '../../../../src/grpc/load.ts';
import { Orphans } from '../../../../src/features/orphans/orphans.ts';
import { createOrphanService } from '../../../../src/features/orphans/service.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import { quarry } from '../../cli/harness.ts';
import { GatedStorage, specOf } from '../../fleet/gated-storage.ts';
import { memoryLog, temporarySocket } from '../../grpc/harness.ts';

const never = new AbortController().signal;
const minute = 60_000;
const noon = Date.parse('2026-11-21T12:00:00Z');

/** Two nodes, and what Kubernetes says of their volumes: what is watched may be behind what is true. */
async function begin() {
  const clock = { now: noon };
  const storages = { a: new GatedStorage('a'), b: new GatedStorage('b') };
  const silent = new Set<string>();
  const members = Object.values(storages).map((storage): Member => ({
    node: storage.node,
    get connected() {
      return !silent.has(storage.node);
    },
    since: 0,
    storage,
  }));
  const fleet: Fleet = {
    members: () => members,
    member: (node) => members.find((member) => member.node === node),
    holders: (name) => holdersAmong(members, name),
    forget: (node) =>
      void members.splice(
        members.findIndex((member) => member.node === node),
        1,
      ),
  };
  const claims = {
    known: new Set<string>() as Set<string> | undefined,
    truth: new Set<string>() as Set<string> | undefined,
    watched: () => claims.known,
    async read() {
      if (claims.truth) return claims.truth;
      throw new Failure('unavailable', 'the API server is gone');
    },
  };
  const orphans = new Orphans({ fleet, claims, grace: 10 * minute, now: () => clock.now });
  const made = await storages.a.create(specOf('pvc-1'), never);
  storages.a.volumes.set(made.id, { ...made, created: noon - 26 * 60 * minute });
  const ids = async () => (await orphans.list()).map(({ volume }) => volume.id);
  return { clock, storages, silent, claims, fleet, members, orphans, ids, id: made.id };
}

/** The same, after the grace. */
async function withOrphan() {
  const begun = await begin();
  await begun.orphans.look();
  begun.clock.now += 10 * minute;
  expect(await begun.ids()).toEqual([begun.id]);
  return begun;
}

test('a volume is an orphan after the grace, and no longer when it is claimed', async () => {
  const { clock, claims, orphans, ids, id } = await begin();
  await orphans.look();
  clock.now += 10 * minute - 1;
  expect(await ids()).toEqual([]);
  clock.now += 1;
  expect(await ids()).toEqual([id]);
  claims.known?.add(id);
  expect(await ids()).toEqual([]);
  claims.known?.delete(id);
  expect(await ids()).toEqual([]);
});

test('a look lets other work have its turn after a few thousand volumes', async () => {
  const { storages, orphans, clock, id } = await begin();
  const [template] = [...storages.a.volumes.values()];
  if (!template) throw new Error('no volume');
  for (const storage of [storages.a, storages.b]) {
    for (let index = 0; index < 2000; index += 1) {
      const copy = volumeIdFor(storage.node, `copy-${index}` as LvName);
      storage.volumes.set(copy, { ...template, id: copy, node: storage.node });
    }
  }
  let turns = 0;
  let looking = true;
  const count = (): void => {
    turns += 1;
    if (looking) setImmediate(count);
  };
  setImmediate(count);
  await orphans.look();
  looking = false;
  expect(turns).toBeGreaterThanOrEqual(2);
  clock.now += 10 * minute;
  await orphans.look();
  expect(orphans.latest()).toHaveLength(4001);
  expect(orphans.latest()?.some(({ volume }) => volume.id === id)).toBe(true);
});

test('while it is not known what Kubernetes claims, nothing is an orphan', async () => {
  const { clock, claims, orphans } = await begin();
  claims.known = undefined;
  await orphans.look();
  clock.now += 60 * minute;
  await expect(orphans.list()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(orphans.latest()).toBeUndefined();
  claims.known = new Set();
  expect(await orphans.list()).toEqual([]);
});

test('one that is retained stays, and is no longer shown', async () => {
  const { storages, orphans, ids, id } = await withOrphan();
  await orphans.retain(id, never);
  expect(storages.a.volumes.get(id)?.retained).toBe(true);
  expect(await ids()).toEqual([]);
  await expect(orphans.remove(id, never)).rejects.toMatchObject({ kind: 'precondition' });
});

test('one that is deleted is gone', async () => {
  const { storages, orphans, ids, id } = await withOrphan();
  await orphans.remove(id, never);
  expect(storages.a.volumes.size).toBe(0);
  expect(await ids()).toEqual([]);
});

test('what is not shown as an orphan is never touched', async () => {
  const { storages, orphans } = await withOrphan();
  const { id } = await storages.b.create(specOf('pvc-2'), never);
  for (const text of [id, 'b:nothing', '', '../../etc']) {
    await expect(orphans.remove(text, never)).rejects.toMatchObject({ kind: 'precondition' });
    await expect(orphans.retain(text, never)).rejects.toMatchObject({ kind: 'precondition' });
  }
  expect(storages.b.volumes.get(id)?.retained).toBeUndefined();
});

test('an orphan is not deleted when a new read shows a claim, or when the read fails', async () => {
  const { storages, claims, orphans, id } = await withOrphan();
  claims.truth = new Set([id]);
  await expect(orphans.remove(id, never)).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/PersistentVolume/),
  });
  claims.truth = undefined;
  await expect(orphans.remove(id, never)).rejects.toMatchObject({ kind: 'unavailable' });
  expect(storages.a.volumes.has(id)).toBe(true);
});

test('one that was retained elsewhere, which only its node knows, is not deleted', async () => {
  const { storages, orphans, id } = await withOrphan();
  const find = storages.a.find.bind(storages.a);
  // What was reported is behind what the node answers.
  storages.a.find = async (...args) => {
    const found = await find(...args);
    return found && { ...found, retained: true };
  };
  await expect(orphans.remove(id, never)).rejects.toMatchObject({ kind: 'precondition' });
  expect(storages.a.volumes.has(id)).toBe(true);
});

test('one of a silent node is shown, and nothing is done about it', async () => {
  const { silent, orphans, ids, id } = await withOrphan();
  silent.add('a');
  expect(await ids()).toEqual([id]);
  await expect(orphans.remove(id, never)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/node a is disconnected/),
  });
  await expect(orphans.retain(id, never)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('orphans of a forgotten node are forgotten: when the node comes back, the grace starts again', async () => {
  const { fleet, members, storages, clock, ids, id } = await withOrphan();
  const [member] = members;
  fleet.forget(storages.a.node);
  expect(await ids()).toEqual([]);
  members.push(member as Member);
  expect(await ids()).toEqual([]);
  clock.now += 10 * minute;
  expect(await ids()).toEqual([id]);
});

async function served() {
  const begun = await withOrphan();
  const path = temporarySocket();
  const server = createServer({
    endpoint: `unix://${path}`,
    interface: admin,
    services: { Admin: createOrphanService(begun.orphans, () => begun.clock.now) },
    log: memoryLog().log,
  });
  await server.start();
  onTestFinished(() => void server.stop(0));
  return { ...begun, run: (words: string[], answer?: string) => ask(path, words, answer) };
}

/** `quarry orphans …`, with a configuration that names the socket. */
async function ask(socket: string, words: string[], answer?: string) {
  const config = `${socket}.yaml`;
  const fleet = 'fleet: { listen: "127.0.0.1:0", certificate: /c, key: /k, clientCa: /ca }';
  await writeFile(config, `admin: unix://${socket}\n${fleet}\n`);
  return quarry(['orphans', ...words, '--config', config], answer);
}

test('the command shows them in a table', async () => {
  const { run, silent, orphans, id } = await served();
  const [heading, row, ...more] = (await run([])).stdout.trimEnd().split('\n');
  expect(heading?.split(/\s{2,}/)).toEqual(['ID', 'NODE', 'POOL', 'SIZE', 'AGE', 'SEEN FOR']);
  expect(row?.split(/\s{2,}/)).toEqual([id, 'a', 'fast', '8 MiB', '1d2h', '10m']);
  expect(more).toEqual([]);
  expect((await run(['-o', 'wide'])).stdout).toMatch(/SEEN FOR +NAME\n.* pvc-1\n$/);
  silent.add('a');
  expect((await run([])).stdout).toContain('a (disconnected)');
  silent.delete('a');
  await orphans.remove(id, never);
  expect((await run([])).stdout).toBe('Every volume is in a PersistentVolume.\n');
});

test('the command shows them to programs, sizes in bytes', async () => {
  const { run, id } = await served();
  const one = { id, node: 'a', connected: true, pool: 'fast', name: 'pvc-1', size: 8 * 2 ** 20 };
  const items = [{ ...one, ageSeconds: 94_200, looseSeconds: 600 }];
  expect(JSON.parse((await run(['-o', 'json'])).stdout)).toEqual({ items });
});

test('the command deletes after asking, and asks nothing when told so', async () => {
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

test('the command retains, and passes on what the controller says against it', async () => {
  const { run, storages, id } = await served();
  expect((await run(['retain', id])).stdout).toContain('is retained');
  expect(storages.a.volumes.get(id)?.retained).toBe(true);
  const refused = run(['retain', id]);
  await expect(refused).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/none of the orphans/),
  });
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
