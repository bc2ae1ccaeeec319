import { existsSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { createServer } from '../../../src/grpc/server.ts';
import { socketPath } from '../../../src/grpc/socket.ts';
import { createCsiClient } from '../../support/csi-client.ts';
import { memoryLog, serve, temporarySocket } from './harness.ts';

const services = { Identity: { probe: async () => ({ ready: { value: true } }) } };

test('an endpoint is a unix socket whose path fits', () => {
  expect(socketPath('unix:///run/csi.sock')).toBe('/run/csi.sock');
  expect(socketPath('unix:/run/csi.sock')).toBe('/run/csi.sock');
  for (const endpoint of ['tcp://0.0.0.0:1', 'unix://csi.sock', '', `unix:///${'x'.repeat(107)}`]) {
    expect(() => socketPath(endpoint)).toThrow(/endpoint/);
  }
});

test('makes a socket that only its owner can open, and its missing directory', async () => {
  const path = join(dirname(temporarySocket()), 'a/b/csi.sock');
  const server = createServer({ endpoint: `unix://${path}`, services, log: memoryLog().log });
  await server.start();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o750);
  expect(await server.stop(1000)).toBe(true);
  expect(existsSync(path)).toBe(false);
});

test('replaces the socket of a process that was killed', async () => {
  const path = temporarySocket();
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, path]);
  expect(existsSync(path)).toBe(true);
  const server = createServer({ endpoint: `unix://${path}`, services, log: memoryLog().log });
  await server.start();
  const client = createCsiClient(`unix://${path}`);
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
  client.close();
  await server.stop(1000);
});

test('refuses a socket that a process serves, which keeps working', async () => {
  const { path, client } = await serve(services);
  const second = createServer({ endpoint: `unix://${path}`, services, log: memoryLog().log });
  await expect(second.start()).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/another process serves/),
  });
  await second.stop(0);
  expect(await client.identity.probe({})).toEqual({ ready: { value: true } });
});

test('leaves a file alone that is not a socket', async () => {
  const path = temporarySocket();
  writeFileSync(path, 'precious');
  const server = createServer({ endpoint: `unix://${path}`, services, log: memoryLog().log });
  await expect(server.start()).rejects.toMatchObject({
    kind: 'precondition',
    message: expect.stringMatching(/not a socket/),
  });
  expect(statSync(path).size).toBe(8);
});

test('leaves a missing folder of another program alone', async () => {
  const folder = `${dirname(temporarySocket())}/plugins_registry`;
  const path = `${folder}/x.sock`;
  const log = memoryLog().log;
  const server = createServer({ endpoint: `unix://${path}`, services: {}, log, makeFolder: false });
  await expect(server.start()).rejects.toMatchObject({ kind: 'unavailable' });
  expect(existsSync(folder)).toBe(false);
});
