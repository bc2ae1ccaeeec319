import { createSecureContext } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished, vi } from 'vitest';
import { connectPath, loadProtocol } from '../../../src/fleet/wire/protocol.ts';
import type { FromNodeInit } from '../../../src/gen/quarry/fleet/v1/FromNode.ts';
import type { HelloInit } from '../../../src/gen/quarry/fleet/v1/Hello.ts';
import type { ToNode } from '../../../src/gen/quarry/fleet/v1/ToNode.ts';
import type { Certified } from '../../support/certificates.ts';
import { authority, nodeCertificate } from './harness.ts';
import { report } from './report.ts';

const protocol = loadProtocol();
const same = (bytes: Buffer): Buffer => bytes;

export const hello: HelloInit = {
  oldestVersion: 1,
  newestVersion: 1,
  driver: 'lvm.quarry.csi',
  driverVersion: '0.1.0',
  node: 'a',
  instance: 'one',
};

/** A hand-made node that sends any message, also one that no node of ours sends. */
export class Peer {
  readonly received: ToNode[] = [];
  /** How the controller ended the stream. */
  readonly ended: Promise<{ code: number; details: string }>;
  #isOver = false;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;

  constructor(port: number, options: { certified?: Certified | undefined; ca?: string; token?: string } = {}) {
    const { certified, ca = authority.certificate, token } = options;
    const own = certified && { cert: certified.certificate, key: certified.key };
    const context = credentials.createFromSecureContext(createSecureContext({ ca, ...own }));
    const client = new Client(`ipv4:127.0.0.1:${port}`, context, {
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.use_local_subchannel_pool': 1,
      'grpc.enable_retries': 0,
    });
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
    this.#call = client.makeBidiStreamRequest(connectPath, same, same, metadata);
    this.#call.on('data', (bytes: Buffer) => this.received.push(protocol.toNode(bytes)));
    this.#call.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#call.on('status', ({ code, details }: ServiceError) => resolve({ code, details }));
    });
    void this.ended.then(() => (this.#isOver = true));
    onTestFinished(() => this.close());
    onTestFinished(() => client.close());
  }

  send(message: FromNodeInit): boolean {
    return this.raw(protocol.writeFromNode(message));
  }

  raw(bytes: Buffer): boolean {
    return this.#call.write(bytes);
  }

  /** Reads nothing from now on. */
  stall(): void {
    this.#call.pause();
  }

  close(): void {
    this.#call.cancel();
  }

  /** Throws if the stream has ended without such a message. */
  async until<Key extends keyof ToNode>(key: Key): Promise<NonNullable<ToNode[Key]>> {
    return vi.waitUntil(() => {
      const found = this.received.findLast((message) => message[key])?.[key] ?? undefined;
      if (!found && this.#isOver) throw new Error(`the stream ended without ${key}`);
      return found;
    }, 20_000);
  }
}

/** One that was accepted and has reported that it has nothing. */
export async function attachedPeer(port: number, greeting: HelloInit = hello, token?: string): Promise<Peer> {
  const certified = token === undefined ? nodeCertificate(greeting.node ?? '') : undefined;
  const peer = new Peer(port, { certified, ...(token !== undefined && { token }) });
  peer.send({ hello: greeting });
  await peer.until('welcome');
  peer.send(report({ full: true }));
  return peer;
}
