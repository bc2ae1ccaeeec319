import { expect, onTestFinished, test, vi } from 'vitest';
import { createSnapshotContents } from '../../../src/kubernetes/snapshot-contents.ts';
import { memoryLog } from '../grpc/harness.ts';
import { backoff, startApiServer } from './harness.ts';

const path = '/apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents';
const driver = 'lvm.quarry.csi';
const content = (name: string, source: object, status?: object, of = driver) => ({
  metadata: { name },
  spec: { driver: of, deletionPolicy: 'Delete', source },
  ...(status && { status }),
});

async function begin() {
  const { server, api } = await startApiServer();
  server.put(path, content('taken', { volumeHandle: 'n1:pvc-1' }, { snapshotHandle: 'n1:snap-1', readyToUse: true }));
  server.put(path, content('given', { snapshotHandle: 'n1:snap-2' }));
  server.put(path, content('begun', { volumeHandle: 'n1:pvc-3' }, {}));
  server.put(path, content('foreign', { snapshotHandle: 'n1:snap-4' }, undefined, 'other.csi'));
  const contents = createSnapshotContents({ api, driver, log: memoryLog().log, backoff });
  onTestFinished(() => contents.stop());
  return { server, contents };
}

test('watches the snapshots of the driver, and the volumes of those that are not taken yet', async () => {
  const { server, contents } = await begin();
  expect(contents.watched()).toBeUndefined();
  expect(contents.isWatched()).toBe(false);
  contents.start();
  await vi.waitFor(() => expect(contents.watched()).toEqual(new Set(['n1:snap-1', 'n1:snap-2', 'n1:pvc-3'])));
  expect(contents.isWatched()).toBe(true);
  server.put(path, content('begun', { volumeHandle: 'n1:pvc-3' }, { snapshotHandle: 'n1:snap-3' }));
  server.delete(path, 'given');
  await vi.waitFor(() => expect(contents.watched()).toEqual(new Set(['n1:snap-1', 'n1:snap-3'])));
  await server.down();
  await vi.waitFor(() => expect(contents.watched()).toBeUndefined());
  expect(contents.isWatched()).toBe(false);
});

test('reads all again, and fails where Kubernetes has no such objects', async () => {
  const { server, contents } = await begin();
  server.pageSize = 1;
  const signal = AbortSignal.timeout(60_000);
  expect(await contents.read(signal)).toEqual(new Set(['n1:snap-1', 'n1:snap-2', 'n1:pvc-3']));
  server.failing = 404;
  await expect(contents.read(signal)).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/404/),
  });
});
