import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Failure, messageOf } from '../../domain/errors.ts';

/** Paths of PEM files. */
export interface CredentialFiles {
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** The content of `CredentialFiles`. */
export interface Pems {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Throws `unavailable` for files that are missing or no PEM, and for a key that does not fit the certificate, as in the middle of a change. */
export async function readPems({ ca, certificate, key }: CredentialFiles): Promise<Pems> {
  const pems: Pems = {
    ...(ca !== undefined && { ca: await read(ca) }),
    ...(certificate !== undefined && { cert: await read(certificate) }),
    ...(key !== undefined && { key: await read(key) }),
  };
  if (pems.ca) parse(ca, () => new X509Certificate(pems.ca ?? ''));
  if (!pems.cert || !pems.key) return pems;
  const [leaf, own] = [
    parse(certificate, () => new X509Certificate(pems.cert ?? '')),
    parse(key, () => createPrivateKey(pems.key ?? '')),
  ];
  if (leaf.checkPrivateKey(own)) return pems;
  throw new Failure('unavailable', `${key} is not the key of ${certificate}`);
}

export function samePems(a: Pems | undefined, b: Pems): boolean {
  return (['ca', 'cert', 'key'] as const).every((part) => String(a?.[part]) === String(b[part]));
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Failure('unavailable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function parse<T>(path: string | undefined, parser: () => T): T {
  try {
    return parser();
  } catch (cause) {
    throw new Failure('unavailable', `${path} cannot be used: ${messageOf(cause)}`, { cause });
  }
}
