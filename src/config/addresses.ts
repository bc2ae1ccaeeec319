import { isAbsolute, normalize } from 'node:path';

/** A unix socket: the gRPC address and the path of its file. */
export interface Endpoint {
  /** `unix:///run/quarry/csi.sock` */
  readonly address: string;
  /** `/run/quarry/csi.sock` */
  readonly path: string;
}

/** `host:port` of a TCP listener, without the brackets of an IPv6 address. */
export interface Listen {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `sun_path` of unix(7) holds 108 bytes with the terminating zero. */
const socketPathLimit = 107;

/** `unix:///path`, `unix:/path` or `/path`: the forms that sidecars and kubelet accept too. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const path = /^(?:unix:(?:\/\/)?)?(\/[^/\0][^\0]*)$/.exec(text)?.[1];
  if (path === undefined || path.endsWith('/') || Buffer.byteLength(path) > socketPathLimit) return undefined;
  return { address: `unix://${path}`, path };
}

export function parseListen(text: string): Listen | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

/** An address that only this machine can reach. */
export function parseLoopback(text: string): Listen | undefined {
  const listen = parseListen(text);
  return listen && /^(?:127\.0\.0\.1|::1|localhost)$/.test(listen.host) ? listen : undefined;
}

/**
 * The specification requires domain notation and at most 63 characters, csi-sanity a letter at both ends, and Kubernetes
 * lower case, since it makes an object of that name.
 */
export function parseDriverName(text: string): string | undefined {
  const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
  const domain = new RegExp(`^(?=[a-z])(?=.*[a-z]$)${label}(?:\\.${label})*$`);
  return text.length <= 63 && domain.test(text) ? text : undefined;
}

export function absolutePath(text: string): string | undefined {
  return isAbsolute(text) ? normalize(text).replace(/(?<=.)\/+$/, '') : undefined;
}
