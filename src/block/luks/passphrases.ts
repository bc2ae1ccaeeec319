import { Failure } from '../../domain/errors.ts';
import type { VolumeId } from '../../domain/ids.ts';

/** What a Secret says of a volume's encryption. */
export interface Passphrases {
  readonly current: string;
  /** The one before, while it is exchanged. */
  readonly previous?: string;
}

/** The keys of a Secret. */
const [currentKey, previousKey] = ['passphrase', 'previousPassphrase'];

/** Bytes; a passphrase is no key file. */
const longest = 4096;

/** Throws `bad-secret` with every problem. The messages have no part of the secret, whose other keys the author chose. */
export function parsePassphrases(secrets: Readonly<Record<string, string>>, id: VolumeId): Passphrases {
  const { [currentKey]: current = '', [previousKey]: previous = '' } = secrets;
  if (current === '') {
    throw new Failure(
      'bad-secret',
      `volume ${id} is encrypted, and the request has no passphrase: the StorageClass has to name a Secret that has the key "${currentKey}", in csi.storage.k8s.io/node-stage-secret-name and csi.storage.k8s.io/node-stage-secret-namespace`,
    );
  }
  const long = Object.entries({ [currentKey]: current, [previousKey]: previous })
    .filter(([, value]) => Buffer.byteLength(value) > longest)
    .map(([key]) => `"${key}"`);
  if (long.length > 0)
    throw new Failure('bad-secret', `the Secret of volume ${id}: ${long.join(' and ')}: longer than ${longest} bytes`);
  return previous === '' || previous === current ? { current } : { current, previous };
}
