import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { status } from '@grpc/grpc-js';
import { describe, expect, test, vi } from 'vitest';
import { Authority, type Certified } from '../../support/certificates.ts';
import {
  authority,
  controller,
  filesOf,
  node,
  nodeCertificate,
  quick,
  type Running,
  serverCertificate,
} from './harness.ts';
import { expectRefused, intrude } from './intruder.ts';
import { GatedStorage } from './gated-storage.ts';

function greeting({ port }: Running) {
  const { certificate, key } = nodeCertificate('a');
  const own = { cert: certificate, key, ca: authority.certificate };
  return { port, host: '127.0.0.1', servername: 'localhost', ALPNProtocols: ['h2'], ...own };
}

/** Resolves when the other side has closed the connection. */
async function closed(socket: Socket): Promise<void> {
  socket.on('error', () => undefined);
  socket.resume();
  await new Promise((resolve) => socket.on('close', resolve));
}

describe('a controller refuses', () => {
  test('plain text', async () => {
    const running = await controller();
    const socket = connectPlain(running.port, '127.0.0.1');
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await closed(socket);
    await expectRefused(running, 'handshake');
  });

  test('a version before 1.3', async () => {
    const running = await controller();
    await closed(connectTls({ ...greeting(running), maxVersion: 'TLSv1.2' }));
    await expectRefused(running, 'handshake');
  });

  test('no HTTP/2', async () => {
    const running = await controller();
    await closed(connectTls({ ...greeting(running), ALPNProtocols: [] }));
    await expectRefused(running, 'handshake');
  });

  test('a peer that connects and sends nothing', async () => {
    const running = await controller({ timing: { ...quick, greeting: 200 } });
    await closed(connectTls(greeting(running)));
    await expectRefused(running, 'silent');
  });

  const hour = 3_600_000;
  const others = new Authority('Quarry test');
  const strangers: Record<string, Certified | undefined> = {
    'none at all': undefined,
    'of an unknown authority of the same name': nodeCertificate('a', others),
    'that has run out': authority.issue({ name: 'a', uris: ['quarry://node/a'], until: Date.now() - hour }),
    'that does not hold yet': authority.issue({ name: 'a', uris: ['quarry://node/a'], from: Date.now() + hour }),
    'of a server': authority.issue({ name: 'a', uris: ['quarry://node/a'], usage: 'server' }),
    'that names no node': authority.issue({ name: 'a', dns: ['a'] }),
    'that names two': authority.issue({ name: 'a', uris: ['quarry://node/a', 'quarry://node/b'] }),
    'that hides a name in another': authority.issue({ name: 'a', dns: ['x, URI:quarry://node/a, DNS:y'] }),
    'of a name that no node has': authority.issue({ name: 'a', uris: ['quarry://node/a/b'] }),
  };
  test.each(Object.keys(strangers))('a peer with a certificate that is %s', async (name) => {
    const running = await controller();
    const peer = intrude(running.port, { certified: strangers[name] });
    expect([status.UNAUTHENTICATED, status.UNAVAILABLE]).toContain((await peer.ended).code);
    await expectRefused(running, 'certificate');
  });
});

describe('a node refuses a controller', () => {
  const unknown = new Authority('other');
  test.each([
    ['of an unknown authority', serverCertificate(unknown)],
    ['of another name', authority.issue({ name: 'controller', dns: ['elsewhere'], usage: 'server' })],
    ['that is a node', nodeCertificate('a')],
  ])('%s', async (_, certified) => {
    const running = await controller({ files: filesOf(certified, authority.certificate) });
    const { lines } = node(new GatedStorage('a'), [running.port]);
    await vi.waitUntil(() => lines.some(({ message }) => message === 'stream to a controller ended'), 20_000);
    expect(running.fleet.members()).toEqual([]);
  });
});

test('a controller whose port is taken does not start, and names the port', async () => {
  const { port } = await controller();
  await expect(controller({ port })).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(new RegExp(`^cannot listen for nodes on 127.0.0.1:${port}: .*EADDRINUSE`)),
  });
});
