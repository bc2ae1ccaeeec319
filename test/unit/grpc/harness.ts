import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { createServer, type SocketServer, type ServerOptions } from '../../../src/grpc/server.ts';
import type { Services } from '../../../src/grpc/services.ts';
import type { Log } from '../../../src/log.ts';
import { createCsiClient, type CsiClient } from '../../support/csi-client.ts';

export interface Line {
  readonly level: keyof Log;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

export interface Served {
  readonly path: string;
  readonly client: CsiClient;
  readonly server: SocketServer;
  readonly lines: Line[];
}

/** A path in a new directory, which is removed after the test. */
export function temporarySocket(): string {
  const directory = mkdtempSync(join(tmpdir(), 'quarry-grpc-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return join(directory, 'csi.sock');
}

export function memoryLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: keyof Log) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } });
  return { log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }, lines };
}

/** A real server on a real socket, and a client for it. Both end with the test. */
export async function serve(services: Services, options: Partial<ServerOptions> = {}): Promise<Served> {
  const path = temporarySocket();
  const { log, lines } = memoryLog();
  const server = createServer({ endpoint: `unix://${path}`, services, log, ...options });
  await server.start();
  const client = createCsiClient(`unix://${path}`);
  onTestFinished(async () => {
    client.close();
    await server.stop(0);
  });
  return { path, client, server, lines };
}

/** Resolves with the reason of the rejection. */
export async function failureOf(call: Promise<unknown>): Promise<{ code?: number; details?: string }> {
  return call.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: { code?: number; details?: string }) => error,
  );
}
