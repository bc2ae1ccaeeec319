import { expect, onTestFinished, test, vi } from 'vitest';
import { createPersistentVolumes } from '../../../src/kubernetes/persistent-volumes.ts';
import { memoryLog } from '../grpc/harness.ts';
import { backoff, startApiServer } from './harness.ts';

const path = '/api/v1/persistentvolumes';
const driver = 'lvm.quarry.csi';
const volume = (name: string, volumeHandle: string, of = driver) => ({
  metadata: { name },
  spec: { capacity: { storage: '1Gi' }, csi: { driver: of, volumeHandle } },
});

async function begin() {
  const { server, api } = await startApiServer();
  server.put(path, volume('pv-1', 'n1:pvc-1'));
  server.put(path, volume('pv-2', 'n1:pvc-2', 'other.csi'));
  server.put(path, { metadata: { name: 'pv-3' }, spec: { hostPath: { path: '/' } } });
  const volumes = createPersistentVolumes({ api, driver, log: memoryLog().log, backoff });
  onTestFinished(() => volumes.stop());
  return { server, volumes };
}

test('watches the PersistentVolumes of the driver, by their volume id', async () => {
  const { server, volumes } = await begin();
  expect(volumes.watched()).toBeUndefined();
  expect(volumes.isWatched()).toBe(false);
  volumes.start();
  await vi.waitFor(() => expect(volumes.watched()).toEqual(new Set(['n1:pvc-1'])));
  expect(volumes.isWatched()).toBe(true);
  server.put(path, volume('static', 'n1:pvc-1'));
  server.delete(path, 'pv-1');
  server.put(path, volume('pv-4', 'n2:pvc-4'));
  await vi.waitFor(() => expect(volumes.watched()).toEqual(new Set(['n1:pvc-1', 'n2:pvc-4'])));
  await server.down();
  await vi.waitFor(() => expect(volumes.watched()).toBeUndefined());
  expect(volumes.isWatched()).toBe(false);
});

test('reads all PersistentVolumes again, without the watch', async () => {
  const { server, volumes } = await begin();
  server.pageSize = 1;
  const signal = AbortSignal.timeout(60_000);
  expect(await volumes.read(signal)).toEqual(new Set(['n1:pvc-1']));
  server.failing = 500;
  await expect(volumes.read(signal)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/500/),
  });
  await server.down();
  await expect(volumes.read(signal)).rejects.toMatchObject({ kind: 'unavailable' });
});

test('reads the claims that its volumes are bound to, page by page', async () => {
  const { server, volumes } = await begin();
  const bound = volume('pv-9', 'n1:pvc-9');
  server.put(path, { ...bound, spec: { ...bound.spec, claimRef: { namespace: 'db', name: 'data-0' } } });
  server.pageSize = 2;
  const signal = AbortSignal.timeout(60_000);
  const first = await volumes.claims(undefined, signal);
  expect(first).toEqual({ claims: [], next: expect.any(String) });
  const claims = [{ volume: 'n1:pvc-9', namespace: 'db', name: 'data-0' }];
  expect(await volumes.claims(first.next, signal)).toEqual({ claims });
});

test('fails if a later page of the list fails', async () => {
  const { server, volumes } = await begin();
  server.pageSize = 1;
  server.heard = (url) => {
    if (!url.includes('continue')) return;
    server.put(path, volume('pv-5', 'n1:pvc-5'));
    server.compact();
  };
  await expect(volumes.read(AbortSignal.timeout(60_000))).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/410/),
  });
});
