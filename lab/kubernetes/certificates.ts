import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command } from '../command.ts';

/** PEM texts, and their files. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateRequest {
  readonly name: string;
  /** In openssl's form, such as `/O=system:masters/CN=admin`. */
  readonly subject: string;
  readonly usage: 'clientAuth' | 'serverAuth';
  /** Such as `DNS:localhost` and `IP:127.0.0.1`. */
  readonly names?: readonly string[];
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'] as const;
// openssl's default configuration adds extensions that differ from system to system.
const CONFIG = '[req]\ndistinguished_name = dn\n[dn]\n';

/** A certificate authority of one run of the lab, in a folder of files. */
export class Authority {
  readonly certificateFile: string;
  readonly #folder: string;
  readonly #keyFile: string;
  readonly #config: string;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.certificateFile = join(folder, `${name}.crt`);
    this.#keyFile = join(folder, `${name}.key`);
    this.#config = join(folder, 'openssl.cnf');
  }

  static async create(folder: string, name: string): Promise<Authority> {
    const authority = new Authority(folder, name);
    await writeFile(authority.#config, CONFIG);
    await authority.#request(authority, `/CN=lab ${name}`, [
      'basicConstraints=critical,CA:TRUE',
      'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
    ]);
    return authority;
  }

  get keyFile(): string {
    return this.#keyFile;
  }

  async issue({ name, subject, usage, names = [] }: CertificateRequest): Promise<Certificate> {
    const files = { certificateFile: join(this.#folder, `${name}.crt`), keyFile: join(this.#folder, `${name}.key`) };
    const extensions = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', `extendedKeyUsage=${usage}`];
    if (names.length > 0) extensions.push(`subjectAltName=${names.join(',')}`);
    await this.#request(files, subject, extensions, ['-CA', this.certificateFile, '-CAkey', this.#keyFile]);
    return files;
  }

  async #request(
    { certificateFile, keyFile }: Certificate,
    subject: string,
    extensions: readonly string[],
    signer: readonly string[] = [],
  ): Promise<void> {
    const files = ['-config', this.#config, '-keyout', keyFile, '-out', certificateFile];
    const added = extensions.flatMap((extension) => ['-addext', extension]);
    await command(['openssl', 'req', '-x509', ...CURVE, ...signer, '-subj', subject, ...files, ...added]);
  }
}

/** The key that signs ServiceAccount tokens. */
export async function createTokenKey(folder: string): Promise<{ privateFile: string; publicFile: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = { privateFile: join(folder, 'tokens.key'), publicFile: join(folder, 'tokens.pub') };
  await writeFile(files.privateFile, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.publicFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return files;
}
