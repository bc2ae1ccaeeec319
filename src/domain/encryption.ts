import { type Bytes, KiB, largest, MiB, type SizeRange, smallest, wantedSize } from './bytes.ts';
import { Failure } from './errors.ts';

/** Ciphers for the data of a volume, and the sizes of their keys in bits; the first size is the default. */
export const ciphers = {
  'aes-xts-plain64': [512, 256],
  'xchacha20,aes-adiantum-plain64': [256],
} as const satisfies Record<string, readonly number[]>;
/** Key of `ciphers`. */
export type Cipher = keyof typeof ciphers;

/** Options with which the device of a volume is opened. */
export const openOptions = [
  'discard',
  'no-read-workqueue',
  'no-write-workqueue',
  'same-cpu-crypt',
  'submit-from-crypt-cpus',
] as const;
/** One of `openOptions`. */
export type OpenOption = (typeof openOptions)[number];

/** Codes that show changes of the content; each sector of 4096 bytes has one. */
export const integrities = ['hmac-sha256'] as const;
/** One of `integrities`. */
export type Integrity = (typeof integrities)[number];

/** How a volume is encrypted: LUKS2 with argon2id. */
export interface Luks2 {
  readonly type: 'luks2';
  readonly cipher: Cipher;
  /** Bits. */
  readonly keySize: number;
  /** Bytes of memory that it takes to derive the key from a passphrase. */
  readonly memory: Bytes;
  readonly options: readonly OpenOption[];
  /** Absent: the content has no code, so changes of it are not noticed. */
  readonly integrity?: Integrity;
  /** With integrity, of a volume: the bytes that its user gets. They never change. */
  readonly usable?: Bytes;
}

/** The encryption of a volume according to its tags; `unknown`: a newer version made it, so the volume must not be opened. */
export type Encryption = Luks2 | { readonly type: 'unknown' };

/** What tags say of the encryption of a volume or a snapshot. */
export interface Encrypted {
  /** Absent: it is not encrypted. */
  readonly encryption?: Encryption;
  /** It is to be encrypted, and has no header yet: nothing was ever written to it. */
  readonly headerless?: true;
}

/** Bytes at the start of an encrypted logical volume that hold the header; its user gets the rest, without integrity. */
export const luksHeader: Bytes = 16n * MiB;

/** Bytes at the start of the logical volume that hold the header. */
export function headerOf({ encryption }: { readonly encryption?: Encryption | undefined }): Bytes {
  return encryption?.type === 'luks2' ? luksHeader : 0n;
}

/**
 * What dm-integrity takes at most: bytes that do not depend on the size; the part of the size that its codes take, 1/128 and less than that of its own; and as much
 * for its journal, up to a bound.
 */
const integrityRoom = { fixed: 8n * MiB, part: 120n, mostJournal: 128n * MiB } as const;

/** Bytes that a logical volume needs if its user is to get `usable` bytes. */
export function grossSize(encryption: Encryption | undefined, usable: Bytes): Bytes {
  if (encryption?.type !== 'luks2') return usable;
  if (!encryption.integrity) return usable + luksHeader;
  const { fixed, part, mostJournal } = integrityRoom;
  const codes = (usable + part - 1n) / part;
  return luksHeader + fixed + usable + codes + smallest(codes, mostJournal);
}

/** Bytes that the user of a new logical volume of that size would get. */
export function netSize(encryption: Encryption | undefined, size: Bytes): Bytes {
  const net = largest(size - grossSize(encryption, 0n), 0n);
  if (encryption?.type !== 'luks2' || !encryption.integrity) return net;
  const { part, mostJournal } = integrityRoom;
  return largest((net * part) / (part + 2n), ((net - mostJournal) * part) / (part + 1n));
}

/** Bytes that the user of a volume, or of a volume that is made from a snapshot, gets. */
export function usableSize({ encryption, size }: Encrypted & { readonly size: Bytes }): Bytes {
  const fixed = encryption?.type === 'luks2' ? encryption.usable : undefined;
  return fixed ?? netSize(encryption, size);
}

/** The encryption of a new volume of a class. */
export function encryptionFor(encryption: Luks2, size: SizeRange): Luks2 {
  return encryption.integrity ? { ...encryption, usable: wantedSize(size) } : encryption;
}

/** Why a node can open no encrypted volume, and, if it can open these, none with integrity; absent: it can, or it is not known. */
export interface Inability {
  readonly encryption?: string | undefined;
  readonly integrity?: string | undefined;
}

/** The second recommendation of RFC 9106 for argon2id. */
const defaultMemory: Bytes = 64n * MiB;
/** The bounds let a stage fit the memory of a container, and leave a guess expensive. */
export const leastMemory: Bytes = 4n * MiB;
const mostMemory: Bytes = 1024n * MiB;

/** The parameters of a class that encrypts, as they are parsed one by one. */
export interface EncryptionParameters {
  readonly encryption?: 'luks2';
  readonly encryptionCipher?: Cipher;
  readonly encryptionKeySize?: number;
  readonly encryptionMemory?: Bytes;
  readonly encryptionOptions?: readonly OpenOption[];
  readonly encryptionIntegrity?: Integrity;
}

/** `undefined` if argon2 cannot work with that many bytes, or should not. */
export function parseMemory(bytes: Bytes | undefined): Bytes | undefined {
  if (bytes === undefined || bytes < leastMemory || bytes > mostMemory || bytes % KiB !== 0n) return undefined;
  return bytes;
}

/** `undefined`: the class does not encrypt. Throws `invalid` for parameters that contradict each other. */
export function encryptionFrom(parameters: EncryptionParameters): Luks2 | undefined {
  const { encryption, encryptionCipher: cipher = 'aes-xts-plain64', encryptionKeySize } = parameters;
  const { encryptionMemory: memory = defaultMemory, encryptionOptions: options = [] } = parameters;
  const { encryptionIntegrity: integrity } = parameters;
  const given = Object.keys(parameters).filter((name) => /^encryption./.test(name));
  if (encryption === undefined && given.length === 0) return undefined;
  if (encryption === undefined) {
    throw new Failure('invalid', `parameters: ${given.join(', ')}: give these with encryption luks2`);
  }
  const sizes: readonly number[] = ciphers[cipher];
  const keySize = encryptionKeySize ?? sizes[0] ?? 0;
  if (!sizes.includes(keySize)) {
    const known = sizes.join(' or ');
    throw new Failure('invalid', `parameters: encryptionKeySize ${keySize}: a key of ${cipher} has ${known} bits`);
  }
  if (integrity && options.includes('discard')) {
    throw new Failure('invalid', 'parameters: encryptionOptions "discard": give it without encryptionIntegrity');
  }
  return { type: 'luks2', cipher, keySize, memory, options, ...(integrity && { integrity }) };
}

/** Text for tags and for the wire: `luks2/<cipher>/<bits>/<bytes of memory>/<options>`, and with integrity `/<code>/<usable bytes>`. */
export function printEncryption(encryption: Encryption): string {
  if (encryption.type === 'unknown') return encryption.type;
  const { type, cipher, keySize, memory, options, integrity, usable } = encryption;
  const code = integrity ? [integrity, usable ?? ''] : [];
  return [type, cipher, keySize, memory, options.join('+'), ...code].join('/');
}

/** Reads what `printEncryption` wrote; an empty text is no encryption, any other text an unknown one. */
export function parseEncryption(text: string | undefined): Encryption | undefined {
  if (text === undefined || text === '') return undefined;
  const [type, cipher = '', bits = '', memory = '', options = '', ...code] = text.split('/');
  const known = Object.keys(ciphers).find((name): name is Cipher => name === cipher);
  const numbers = /^\d{1,4}$/.test(bits) && /^\d{1,12}$/.test(memory);
  const words = options.split('+').filter((word) => word !== '');
  const opened = openOptions.filter((option) => words.includes(option));
  const integrity = parseIntegrity(code);
  if (type !== 'luks2' || !known || !numbers || opened.length !== words.length || !integrity) {
    return { type: 'unknown' };
  }
  return { type, cipher: known, keySize: Number(bits), memory: BigInt(memory), options: opened, ...integrity };
}

/** `undefined`: a newer version wrote it. */
function parseIntegrity([name, usable = '', ...more]: readonly string[]):
  | Pick<Luks2, 'integrity' | 'usable'>
  | undefined {
  if (name === undefined) return {};
  if (!isIntegrity(name) || !/^\d{0,19}$/.test(usable) || more.length > 0) return undefined;
  return { integrity: name, ...(usable !== '' && { usable: BigInt(usable) }) };
}

/** Whether it is one of `integrities`. */
export function isIntegrity(text: string): text is Integrity {
  return integrities.some((one) => one === text);
}

/** Throws `invalid` unless the content of a source suits a volume with that encryption: a copy has the header of its source. */
export function refuseOtherEncryption(wanted: Luks2 | undefined, { encryption }: Encrypted): void {
  const known = encryption?.type === 'luks2' ? encryption : undefined;
  if (wanted && known && wanted.integrity !== known.integrity)
    throw new Failure(
      'invalid',
      `parameters: encryptionIntegrity: the source has ${known.integrity ?? 'none'} and is copied as it is: use a class with the same`,
    );
  if ((wanted === undefined) === (encryption === undefined)) return;
  const reason = encryption
    ? 'the source is encrypted and is copied as it is: use a class with encryption luks2, and the Secret of the source'
    : 'the source is not encrypted and is copied as it is: use a class without encryption';
  throw new Failure('invalid', `parameters: encryption: ${reason}`);
}

/** Throws `precondition` unless `wanted` bytes are what the volume has, or fewer, where its encryption has integrity: cryptsetup cannot grow it. @param what begins the message */
export function refuseGrowthWithIntegrity(what: string, { encryption }: Encrypted, wanted: Bytes): void {
  if (encryption?.type !== 'luks2' || encryption.usable === undefined || wanted <= encryption.usable) return;
  throw new Failure(
    'precondition',
    `${what} has encryptionIntegrity and ${encryption.usable} bytes, and cannot grow to ${wanted}: make a larger volume and copy its files`,
  );
}
