import { expect, test } from 'vitest';
import { Failure } from '../../../../src/domain/errors.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { never, withVolume } from './harness.ts';

const bound = (...ids: string[]) => ({
  claims: async () => ({ claims: ids.map((volume, at) => ({ volume, namespace: 'db', name: `data-${at}` })) }),
});

test('a drain shows the claims whose volumes stay on the node, and no volume of another one', async () => {
  const { run, json, storages, volume } = await withVolume(bound('a:pvc-1', 'b:pvc-2'));
  await storages.b.create(specOf('pvc-2'), never);
  const { items } = await json('nodes', 'drain', 'a');
  expect(items).toEqual([
    expect.objectContaining({ id: volume.id, namespace: 'db', claim: 'data-0', outcome: 'stays' }),
  ]);
  expect((await run('nodes', 'drain', 'a')).said).toEqual([
    expect.stringContaining('one of 1 claims can run on a only'),
  ]);
});

test('nothing of a connected node is lost', async () => {
  const { run } = await withVolume(bound('a:pvc-1'));
  await expect(run('nodes', 'forget', 'a')).rejects.toMatchObject({ kind: 'precondition' });
});

test('a node that does not come back loses its volumes, each with what to delete', async () => {
  const { json, away, storages } = await withVolume(bound('a:pvc-1'));
  await storages.a.create(specOf('pvc-3'), never);
  away.add('a');
  expect((await json('nodes', 'forget', 'a')).items).toEqual([
    expect.objectContaining({ id: 'a:pvc-1', outcome: 'lost', next: 'kubectl delete pvc --namespace db data-0' }),
    expect.objectContaining({
      id: 'a:pvc-3',
      outcome: 'lost',
      next: 'kubectl delete pv pvc-3 --ignore-not-found --wait=false',
    }),
  ]);
});

test('the lines of what to delete are for a shell: a name that a node made up for one is in none', async () => {
  const { json, away, storages } = await withVolume(bound('a:pvc-1'));
  const volume = await storages.a.create(specOf('pvc-3'), never);
  storages.a.volumes.set(volume.id, { ...volume, name: 'pvc-3; reboot' });
  away.add('a');
  const { items } = await json('nodes', 'forget', 'a');
  expect(items.map((item) => (item as { next?: string }).next)).toEqual([
    'kubectl delete pvc --namespace db data-0',
    undefined,
  ]);
});

test('a controller that has not seen the node knows what its claims lose', async () => {
  const { run, json } = await withVolume(bound('a:pvc-1', 'gone:pvc-9'));
  expect((await json('nodes', 'forget', 'gone')).items).toEqual([
    expect.objectContaining({ id: 'gone:pvc-9', claim: 'data-1', outcome: 'lost' }),
  ]);
  expect((await run('nodes', 'forget', 'gone')).said[0]).toContain('only volumes with claims are listed');
});

test.each(['drain', 'forget'])('nodes %s refuses a node that is not known', async (word) => {
  const { run } = await withVolume(bound('a:pvc-1'));
  await expect(run('nodes', word, 'other')).rejects.toMatchObject({ kind: 'not-found' });
});

test.each(['drain', 'forget'])('nodes %s lists nothing while the claims cannot be read', async (word) => {
  const { run, away } = await withVolume({
    claims: async () => {
      throw new Failure('unavailable', 'the API server is gone');
    },
  });
  away.add('a');
  await expect(run('nodes', word, 'a')).rejects.toMatchObject({ kind: 'unavailable' });
});
