import { type Bytes, KiB, parseBytes } from './bytes.ts';
import {
  ciphers,
  type Cipher,
  encryptionFrom,
  type EncryptionParameters,
  integrities,
  isIntegrity,
  openOptions,
  parseMemory,
} from './encryption.ts';
import { Failure } from './errors.ts';
import { eraseMethods, type Erasure, parseErasure } from './erasure.ts';
import { parsePoolName, type PoolName } from './ids.ts';
import { defaultLayout, type PoolSpec } from './pool.ts';
import type { QosChange } from './qos.ts';
import { kubernetesPrefix, qosParameterNames, qosParameterSummary, readQos } from './qos-parameters.ts';
import { parseSnapshotRoom, roomProblem, type SnapshotRoom } from './snapshot-room.ts';
import type { Layout } from './volume.ts';

/** The parameters of a StorageClass. An absent one follows the pool. */
export interface ClassParameters extends EncryptionParameters {
  readonly pool?: PoolName;
  readonly type?: 'thin' | 'thick';
  readonly stripes?: number;
  readonly stripeSize?: Bytes;
  readonly mirrors?: number;
  readonly mkfsOptions: readonly string[];
  /** Of the thick snapshots of its volumes. */
  readonly snapshotRoom?: SnapshotRoom;
  /** Absent: none. */
  readonly erase?: Erasure;
  readonly qos: QosChange;
}

interface Parameter {
  /** The accepted values, for the reference. */
  readonly values: string;
  readonly otherwise: string;
  /** A text says what is wrong with the value. */
  readonly read: (value: string) => Partial<ClassParameters> | string;
}

/** The parameters of a StorageClass, without limits and reservations. */
export const classParameters: Readonly<Record<string, Parameter>> = {
  pool: {
    values: 'name of a pool in the configuration',
    otherwise: 'the first pool',
    read: (value) => {
      const pool = parsePoolName(value);
      return pool ? { pool } : 'is not a pool name: lower-case letters, digits and "-"';
    },
  },
  type: {
    values: '`thin`, `thick`',
    otherwise: "the pool's `type`. A thin pool's group serves both; a pool of type thick has no thin volumes",
    read: (value) => (value === 'thin' || value === 'thick' ? { type: value } : 'must be thin or thick'),
  },
  stripes: {
    values: '1 to 128; thick only',
    otherwise: "the pool's",
    read: (value) => integer(value, 1, 128, (stripes) => ({ stripes })),
  },
  stripeSize: {
    values: 'power of two of at least `4Ki`; thick only, counts with two stripes or more',
    otherwise: "the pool's",
    read: (value) => {
      const size = parseBytes(value);
      const powerOfTwo = size !== undefined && size >= 4n * KiB && (size & (size - 1n)) === 0n;
      return powerOfTwo ? { stripeSize: size } : 'must be a power of two of at least 4Ki';
    },
  },
  mirrors: {
    values: '0 to 9 additional copies; thick only',
    otherwise: "the pool's",
    read: (value) => integer(value, 0, 9, (mirrors) => ({ mirrors })),
  },
  mkfsOptions: {
    values: "words separated by blanks, given to mkfs after Quarry's own",
    otherwise: 'none',
    read: (value) => ({ mkfsOptions: value.split(/\s+/).filter((word) => word !== '') }),
  },
  snapshotSize: {
    values:
      'percent of the volume or bytes, such as `20%` or `2Gi`: what a thick snapshot may keep. That of the VolumeSnapshotClass or VolumeGroupSnapshotClass takes precedence',
    otherwise: '`20%`',
    read: (value) => {
      const snapshotRoom = parseSnapshotRoom(value);
      return snapshotRoom ? { snapshotRoom } : roomProblem;
    },
  },
  erase: {
    values:
      '`none`; `discard`, `zero`: thick only; `cryptographic`: encrypted only: what happens to the content of a deleted volume and of its snapshots ([guide](../guides/erase.md))',
    otherwise: '`none`',
    read: readErase,
  },
  encryption: {
    values:
      '`luks2`: the volume is [encrypted](../guides/encryption.md) with the passphrase in the Secret that the class names, or an inline volume with a random key',
    otherwise: 'not encrypted',
    read: (value) => (value === 'luks2' ? { encryption: value } : 'must be luks2, or absent'),
  },
  encryptionCipher: {
    values: Object.keys(ciphers)
      .map((cipher) => `\`${cipher}\``)
      .join(', '),
    otherwise: '`aes-xts-plain64`. The other one is faster where the processor has no instructions for AES',
    read: (value) =>
      isCipher(value) ? { encryptionCipher: value } : `is unknown; known: ${Object.keys(ciphers).join(' ')}`,
  },
  encryptionKeySize: {
    values: 'bits: 512 (AES-256) or 256 (AES-128) for `aes-xts-plain64`, 256 for the other cipher',
    otherwise: 'the first of these',
    read: (value) => integer(value, 256, 512, (encryptionKeySize) => ({ encryptionKeySize })),
  },
  encryptionMemory: {
    values: '`4Mi` to `1Gi`: memory that a stage, and each guess of the passphrase, takes for a short time (argon2id)',
    otherwise: '`64Mi`',
    read: (value) => {
      const encryptionMemory = parseMemory(parseBytes(value));
      return encryptionMemory ? { encryptionMemory } : 'must be from 4Mi to 1Gi, in whole KiB';
    },
  },
  encryptionOptions: {
    values: `words separated by blanks: ${openOptions.map((option) => `\`${option}\``).join(', ')}; see [what they cost](../guides/encryption.md#options)`,
    otherwise: 'none',
    read: (value) => {
      const words = value.split(/\s+/).filter((word) => word !== '');
      const encryptionOptions = openOptions.filter((option) => words.includes(option));
      return encryptionOptions.length === words.length
        ? { encryptionOptions }
        : `has a word that is unknown or twice; known: ${openOptions.join(' ')}`;
    },
  },
  encryptionIntegrity: {
    values:
      '`hmac-sha256`: a block that was changed on the disk gives an I/O error, and not wrong data. The volume cannot grow, its first stage writes all of it, and each write is made twice ([guide](../guides/encryption.md#integrity))',
    otherwise: 'none',
    read: (value) =>
      isIntegrity(value) ? { encryptionIntegrity: value } : `is unknown; known: ${integrities.join(' ')}`,
  },
};

function isCipher(text: string): text is Cipher {
  return Object.hasOwn(ciphers, text);
}

export const parameterNames: readonly string[] = [...Object.keys(classParameters), ...qosParameterNames];

const known = `${Object.keys(classParameters).join(', ')}, ${qosParameterSummary}`;

const cryptographicAlone =
  'parameters: erase "cryptographic" needs encrypted volumes: give it with encryption luks2, or use zero or discard';

/** Throws `invalid` with every problem at once. */
export function parseParameters(parameters: Readonly<Record<string, string>>): ClassParameters {
  const problems: string[] = [];
  const qos = readQos(parameters, problems);
  const parsed: Partial<ClassParameters>[] = [{ mkfsOptions: [], qos }];
  for (const [key, value] of Object.entries(parameters)) {
    if (key.startsWith(kubernetesPrefix) || qosParameterNames.includes(key)) continue;
    const result = Object.hasOwn(classParameters, key) ? classParameters[key]?.read(value) : undefined;
    if (result === undefined) problems.push(`"${key}" is unknown; known: ${known}`);
    else if (typeof result === 'string') problems.push(`${key} "${value}" ${result}`);
    else parsed.push(result);
  }
  if (problems.length > 0) throw new Failure('invalid', `parameters: ${problems.join('; ')}`);
  const all = Object.assign({}, ...parsed) as ClassParameters;
  // Throws for parameters that are right alone and wrong together.
  const encryption = encryptionFrom(all);
  if (all.erase === 'cryptographic' && !encryption) throw new Failure('invalid', cryptographicAlone);
  return all;
}

/** The layout that a class gets in a pool. Throws `invalid` if the pool cannot have it. */
export function layoutFor(spec: PoolSpec, parameters: ClassParameters): Layout {
  const type = parameters.type ?? spec.type;
  const { stripes, stripeSize, mirrors, erase } = parameters;
  if (type === 'thin' && !spec.thin) {
    throw new Failure('invalid', `parameters: type "thin": pool ${spec.name} has no thin pool`);
  }
  const layout = defaultLayout(spec, type);
  if (layout.type === 'thick') {
    return {
      type: 'thick',
      stripes: stripes ?? layout.stripes,
      stripeSize: stripeSize ?? layout.stripeSize,
      mirrors: mirrors ?? layout.mirrors,
    };
  }
  if (erase !== undefined && erase !== 'cryptographic') {
    throw new Failure(
      'invalid',
      `parameters: erase "${erase}": only thick volumes can be erased so; give it with type thick`,
    );
  }
  const given = Object.entries({ stripes, stripeSize, mirrors }).filter(([, value]) => value !== undefined);
  if (given.length > 0) {
    const names = given.map(([name]) => name).join(', ');
    throw new Failure(
      'invalid',
      `parameters: ${names}: a thin volume has the layout of its pool; give these with type thick`,
    );
  }
  return layout;
}

function readErase(value: string): Partial<ClassParameters> | string {
  const erase = parseErasure(value);
  if (!eraseMethods.some((one) => one === value)) return `must be one of ${eraseMethods.join(', ')}`;
  return erase ? { erase } : {};
}

function integer(
  value: string,
  least: number,
  most: number,
  use: (number: number) => Partial<ClassParameters>,
): Partial<ClassParameters> | string {
  const number = /^\d{1,6}$/.test(value) ? Number(value) : Number.NaN;
  return number >= least && number <= most ? use(number) : `must be a whole number from ${least} to ${most}`;
}
