import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig } from '../../../src/config/config.ts';
import { createController } from '../../../src/app/controller.ts';
import { createCsiClient } from '../../support/csi-client.ts';
import { ApiServer } from '../../support/api-server.ts';
import { authority, filesOf, node, serverCertificate, temporaryFolder } from '../fleet/harness.ts';
import { quarry } from '../cli/harness.ts';
import { GatedStorage } from '../fleet/gated-storage.ts';
import { type Line, memoryLog } from '../grpc/harness.ts';

const token = ['{"alg":"none"}', JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 3600 }), 's']
  .map((part) => Buffer.from(part).toString('base64url'))
  .join('.');

/** `quarry controller` with an API server over TLS that accepts one token, of node a. */
async function begin() {
  const folder = temporaryFolder();
  const pair = serverCertificate();
  const files = filesOf(pair, authority.certificate, folder);
  const server = await ApiServer.start({ key: pair.key, cert: pair.certificate });
  server.bearer = 'of the controller';
  server.review = (given, audiences) =>
    given === token && audiences[0] === 'quarry'
      ? {
          authenticated: true,
          audiences,
          user: {
            username: 'system:serviceaccount:quarry:node',
            extra: {
              'authentication.kubernetes.io/node-name': ['a'],
              'authentication.kubernetes.io/pod-uid': ['pod-a'],
            },
          },
        }
      : undefined;
  writeFileSync(join(folder, 'own-token'), 'of the controller');
  const config = join(folder, 'config.yaml');
  const text = `
endpoint: unix://${folder}/csi.sock
fleet:
  listen: 127.0.0.1:0
  certificate: ${files.certificate}
  key: ${files.key}
  tokenAudience: quarry
  serviceAccount: quarry:node
  settle: 0s
kubernetes:
  server: ${server.url.href}
  tokenFile: ${folder}/own-token
  caFile: ${files.ca}
`;
  writeFileSync(config, text);
  const { log, lines } = memoryLog();
  const app = await createController(parseConfig(text, { hostname: 'h' }, 'controller'), log);
  await app.start();
  onTestFinished(async () => {
    await app.stop(1000);
    await server[Symbol.asyncDispose]();
  });
  const address = String(lines.find(({ message }) => message === 'serving')?.fields['nodes']);
  const connect = (name: string, shown: string) => {
    const path = join(folder, `token-${name}`);
    writeFileSync(path, shown);
    return node(new GatedStorage(name), [Number(address.split(':').at(-1))], {
      token: path,
      files: { ca: files.ca },
    });
  };
  return { server, config, lines, connect, endpoint: `unix://${folder}/csi.sock` };
}

test('a node with a token connects under the name that the API server gives', async () => {
  const { connect, lines } = await begin();
  connect('a', token);
  await vi.waitFor(() => expect(JSON.stringify(lines)).toContain('"node":"a"'), 20_000);
  const stranger = connect('b', token);
  const refused = (told: readonly Line[]) => told.some(({ level }) => level === 'warn' || level === 'error');
  await vi.waitFor(() => expect([refused(lines), refused(stranger.lines)]).toEqual([true, true]), 20_000);
  expect(lines.filter(({ message }) => message === 'node connected').map(({ fields }) => fields['node'])).toEqual([
    'a',
  ]);
});

test('a controller is ready once every Node that is Ready is connected', async () => {
  const { server, connect, endpoint } = await begin();
  const put = (name: string, ready: string): void =>
    server.put('/api/v1/nodes', {
      metadata: { name, labels: { 'topology.lvm.quarry.csi/node': name } },
      status: { conditions: [{ type: 'Ready', status: ready }] },
    });
  const client = createCsiClient(endpoint);
  onTestFinished(() => client.close());
  const ready = async () => (await client.identity.probe({})).ready?.value;
  put('a', 'True');
  put('b', 'Unknown');
  await vi.waitFor(() => expect(server.watches).toBe(3), 20_000);
  expect(await ready()).toBe(false);
  connect('a', token);
  await vi.waitFor(async () => expect(await ready()).toBe(true), 20_000);
});

test('ends the stream of a node whose pod is deleted, after a review of its token', async () => {
  const { server, connect, lines } = await begin();
  const path = '/api/v1/namespaces/quarry/pods';
  server.put(path, { metadata: { name: 'node-1', uid: 'pod-a' }, spec: { serviceAccountName: 'node' } });
  connect('a', token);
  const told = (message: string) => lines.some((line) => line.message === message);
  await vi.waitFor(() => expect(told('node connected')).toBe(true), 20_000);
  await vi.waitFor(() => expect(server.watches).toBe(3), 20_000);
  server.review = () => undefined;
  server.delete(path, 'node-1');
  await vi.waitFor(() => expect(told('fleet peer refused')).toBe(true), 40_000);
  expect(told('node disconnected')).toBe(true);
});

test('quarry orphans asks the controller, which says why it has no answer', async () => {
  const { server, config } = await begin();
  const list = async () => (await quarry(['orphans', '--config', config])).stdout;
  await vi.waitFor(async () => expect(await list()).toBe('Every volume is in a PersistentVolume.\n'), 20_000);
  await server.down();
  await vi.waitFor(() => expect(list()).rejects.toMatchObject({ kind: 'unavailable' }), 20_000);
});
