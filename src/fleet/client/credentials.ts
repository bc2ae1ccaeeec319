import { readFile } from 'node:fs/promises';
import { Failure, messageOf } from '../../domain/errors.ts';
import { type CredentialFiles, type Pems, readPems } from '../wire/credentials.ts';

export interface Credentials {
  readonly pems: Pems;
  readonly token: string | undefined;
}

export interface CredentialsOptions {
  /** The authority of the controllers' certificates; without a token, also the node's own certificate. */
  readonly files: CredentialFiles;
  /** Path of the file with the bearer token. */
  readonly token: string | undefined;
  readonly certificateChanged: () => void;
  readonly tokenChanged: (token: string) => void;
}

/** Reads the node's credentials at each call, and compares them with those of the call before. */
export function createCredentials({
  files,
  token: path,
  certificateChanged,
  tokenChanged,
}: CredentialsOptions): () => Promise<Credentials> {
  let before: Credentials | undefined;
  return async () => {
    const [pems, token] = await Promise.all([readPems(files), readToken(path)]);
    const last = before;
    before = { pems, token };
    if (last && String(last.pems.cert) !== String(pems.cert)) certificateChanged();
    if (last && token !== undefined && token !== last.token) tokenChanged(token);
    return before;
  };
}

async function readToken(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new Failure('unavailable', `${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}
