import { expect, onTestFinished, test, vi } from 'vitest';
import { createPodWatch } from '../../../src/kubernetes/pods.ts';
import { memoryLog } from '../grpc/harness.ts';
import { backoff, startApiServer } from './harness.ts';

const path = '/api/v1/namespaces/quarry/pods';

test('reports deleted pods of the ServiceAccount, and no others', async () => {
  const { server, api } = await startApiServer();
  const put = (name: string, serviceAccountName: string): void =>
    server.put(path, { metadata: { name, uid: `uid-${name}` }, spec: { serviceAccountName } });
  put('node-1', 'quarry-node');
  put('controller-1', 'quarry-controller');
  const gone: string[] = [];
  const serviceAccount = 'quarry:quarry-node';
  const watch = createPodWatch({
    api,
    backoff,
    log: memoryLog().log,
    serviceAccount,
    gone: (uid) => void gone.push(uid),
  });
  onTestFinished(() => watch.stop());
  watch.start();
  await vi.waitFor(() => expect(server.watches).toBe(1));
  put('node-2', 'quarry-node');
  for (const name of ['controller-1', 'node-1', 'node-2']) server.delete(path, name);
  await vi.waitFor(() => expect(gone).toEqual(['uid-node-1', 'uid-node-2']));
});
