import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { onTestFinished, vi } from 'vitest';
import { byCertificate } from '../../../src/fleet/server/identity.ts';
import { createFleetServer, type FleetServer, type FleetServerOptions } from '../../../src/fleet/server/server.ts';
import { FleetClient, type FleetClientOptions } from '../../../src/fleet/client/client.ts';
import type { Timing } from '../../../src/fleet/wire/timing.ts';
import type { Fleet, Member } from '../../../src/domain/fleet.ts';
import type { NodeName } from '../../../src/domain/ids.ts';
import type { Storage } from '../../../src/domain/storage.ts';
import { Authority, type Certified } from '../../support/certificates.ts';
import { type Line, memoryLog } from '../grpc/harness.ts';

export const authority = new Authority('Quarry test');
export const never = new AbortController().signal;

/** Long enough for a busy machine; a test of a peer that sends nothing has its own. */
export const quick: Timing = { pingEvery: 200, silence: 20_000, greeting: 20_000, command: 60_000 };

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'quarry-fleet-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Files of the names `ca`, `certificate` and `key`. */
export function filesOf({ certificate, key }: Certified, ca: string, folder = temporaryFolder()) {
  const files = { ca: join(folder, 'ca.crt'), certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  writeFileSync(files.ca, ca);
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
  return files;
}

export function serverCertificate(by = authority): Certified {
  return by.issue({ name: 'controller', dns: ['localhost'], usage: 'server' });
}

export function nodeCertificate(name: string, by = authority): Certified {
  return by.issue({ name, uris: [`quarry://node/${name}`] });
}

export interface Running {
  readonly server: FleetServer;
  readonly fleet: Fleet;
  readonly port: number;
  readonly lines: Line[];
}

/** A controller on a free port of this machine. It ends with the test. */
export async function controller(options: Partial<FleetServerOptions> = {}): Promise<Running> {
  const { log, lines } = memoryLog();
  const server = createFleetServer({
    host: '127.0.0.1',
    port: 0,
    files: filesOf(serverCertificate(), authority.certificate),
    identify: byCertificate(),
    driver: 'lvm.quarry.csi',
    driverVersion: '0.1.0',
    timing: quick,
    log,
    ...options,
  });
  const port = await server.start();
  onTestFinished(() => server.stop());
  return { server, fleet: server.fleet, port, lines };
}

/** The real client of a node. It ends with the test. */
export function node(storage: Storage, ports: number[], options: Partial<FleetClientOptions> = {}) {
  const { log, lines } = memoryLog();
  const client = new FleetClient({
    controllers: [{ name: 'localhost', port: 0 }],
    resolve: async () => ports.map((port) => ({ host: '127.0.0.1', name: 'localhost', port })),
    files: filesOf(nodeCertificate(storage.node), authority.certificate),
    storage,
    driver: 'lvm.quarry.csi',
    driverVersion: '0.1.0',
    log,
    look: 100,
    random: () => 0.1,
    ...options,
  });
  client.start();
  onTestFinished(() => client.stop());
  return { client, lines };
}

export function memberOf({ fleet }: Pick<Running, 'fleet'>, name: string): Member | undefined {
  return fleet.member(name as NodeName);
}

export async function attached(running: Pick<Running, 'fleet'>, name: string): Promise<Member> {
  return vi.waitUntil(() => (memberOf(running, name)?.connected ? memberOf(running, name) : undefined), 20_000);
}

export async function disconnected(running: Pick<Running, 'fleet'>, name: string): Promise<void> {
  await vi.waitUntil(() => memberOf(running, name)?.connected === false, 20_000);
}

/** Serves hand-made methods over TLS, with the certificate of a controller, until the test ends. Returns the port. */
export async function listen(server: Server): Promise<number> {
  const { certificate, key } = serverCertificate();
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [pair]), (error, port) =>
    error ? reject(error) : resolve(port),
  );
  onTestFinished(() => server.forceShutdown());
  return promise;
}
