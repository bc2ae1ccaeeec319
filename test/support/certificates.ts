import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface Certified {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface Wanted {
  readonly name: string;
  /** Alternative names. */
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  readonly usage?: 'client' | 'server';
  /** Milliseconds since the epoch; default: an hour ago, and in a day. */
  readonly from?: number;
  readonly until?: number;
}

/** An authority that signs any certificate, also expired or false ones. It needs only Node. */
export class Authority implements Certified {
  readonly certificate: string;
  readonly key: string;
  readonly #name: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#name = name;
    this.#key = privateKey;
    this.key = pemKey(privateKey);
    const extensions = [extension('2.5.29.19', sequence(Buffer.from([0x01, 0x01, 0xff])), true)];
    this.certificate = certify({ name }, publicKey, name, privateKey, extensions);
  }

  issue(wanted: Wanted): Certified {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const names = [
      ...(wanted.uris ?? []).map((uri) => tagged(0x86, Buffer.from(uri))),
      ...(wanted.dns ?? []).map((name) => tagged(0x82, Buffer.from(name))),
      ...(wanted.ips ?? []).map((ip) => tagged(0x87, Buffer.from(ip.split('.').map(Number)))),
    ];
    const purpose = wanted.usage === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2';
    const extensions = [extension('2.5.29.37', sequence(oid(purpose)))];
    if (names.length > 0) extensions.push(extension('2.5.29.17', sequence(...names)));
    const certificate = certify(wanted, publicKey, this.#name, this.#key, extensions);
    return { certificate, key: pemKey(privateKey) };
  }
}

function certify(wanted: Wanted, subjectKey: KeyObject, issuer: string, key: KeyObject, extensions: Buffer[]): string {
  const { name, from = Date.now() - 3_600_000, until = Date.now() + 86_400_000 } = wanted;
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(issuer),
    sequence(time(from), time(until)),
    commonName(name),
    subjectKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign('sha256', body, key)]);
  const der = sequence(body, algorithm, tagged(0x03, signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function pemKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let more = part >> 7; more > 0; more >>= 7) digits.unshift((more & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return tagged(0x06, Buffer.from(bytes));
}

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(name)))));
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const mark = critical ? [Buffer.from([0x01, 0x01, 0xff])] : [];
  return sequence(oid(id), ...mark, tagged(0x04, value));
}

function time(at: number): Buffer {
  const text = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return tagged(0x18, Buffer.from(text));
}
