import { createSecureContext } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, Metadata } from '@grpc/grpc-js';
import { largestMessage } from '../wire/bounds.ts';
import type { Pems } from '../wire/credentials.ts';
import { connectPath } from '../wire/protocol.ts';
import type { Address } from './addresses.ts';

/** The stream to a controller. */
export interface Transport {
  readonly call: ClientDuplexStream<Buffer, Buffer>;
  /** Cancels the stream, and ends its connection. */
  close(): void;
}

export interface TransportOptions {
  readonly address: Address;
  readonly pems: Pems;
  readonly token: string | undefined;
}

const same = (bytes: Buffer): Buffer => bytes;

/** Dials a controller over TLS. The stream fails later where that is not possible. Throws where the PEMs cannot be read. */
export function openTransport({ address, pems, token }: TransportOptions): Transport {
  const { host, port, name } = address;
  const target = host.includes(':') ? `ipv6:[${host}]:${port}` : `ipv4:${host}:${port}`;
  const context = createSecureContext({ ...pems, minVersion: 'TLSv1.3' });
  const client = new Client(target, credentials.createFromSecureContext(context), {
    // The certificate must be for the name, not for the address that it resolved to.
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
    'grpc.max_receive_message_length': largestMessage,
    // Each dial makes a connection of its own, with the current certificates. `Dialer` decides when to dial again.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
  });
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  const call = client.makeBidiStreamRequest(connectPath, same, same, metadata);
  return {
    call,
    close() {
      call.cancel();
      client.close();
    },
  };
}
