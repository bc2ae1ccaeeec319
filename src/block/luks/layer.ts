import { createHash, randomBytes } from 'node:crypto';
import type { Bytes } from '../../domain/bytes.ts';
import { type Luks2, luksHeader } from '../../domain/encryption.ts';
import { Failure } from '../../domain/errors.ts';
import type { Content } from '../../domain/filesystems.ts';
import type { VolumeId } from '../../domain/ids.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Queue } from '../../concurrency/queue.ts';
import type { deviceNumberOf, deviceSize } from '../../kernel/block-device.ts';
import type { Layer, LayerPlace } from '../layer.ts';
import type { Cryptsetup } from './cryptsetup.ts';
import { parsePassphrases, type Passphrases } from './passphrases.ts';
import { exchange } from './rotation.ts';

export interface LuksOptions {
  readonly cryptsetup: Cryptsetup;
  /** Throws `unavailable` if the device cannot be read: unknown is not blank. */
  readonly probe: (device: string, id: VolumeId) => Promise<Content>;
  readonly recordHeader: (id: VolumeId) => Promise<void>;
  /** Records that the previous passphrase opens the volume no more. */
  readonly recordRotation: (id: VolumeId) => Promise<void>;
  /** Writes zeros over a device, however long that takes. Nothing can be read from it before. */
  readonly writeAll: (device: string, size: Bytes) => Promise<void>;
  /** One derivation of a key at a time: each takes the memory that the class says. */
  readonly queue: Queue;
  readonly kernel: { readonly deviceNumberOf: typeof deviceNumberOf; readonly deviceSize: typeof deviceSize };
}

/** The layer of encrypted volumes: LUKS2, by dm-crypt. */
export function createLuksLayer(options: LuksOptions): Layer {
  const { cryptsetup, queue, kernel } = options;
  return {
    kind: 'luks',
    appliesTo: ({ encryption }) => encryption !== undefined,
    async state(name) {
      const device = `/dev/mapper/${name}`;
      return (await kernel.deviceNumberOf(device)) === undefined ? { open: false } : { open: true, device };
    },
    async open(volume, place, { secrets, signal }) {
      const encryption = knownEncryption(volume);
      const passphrases = volume.role === 'inline' ? newKey(volume) : parsePassphrases(secrets, volume.id);
      if (volume.headerless) await makeHeader(options, volume, { place, encryption, passphrases }, signal);
      await queue.run('derivation', signal, async () => {
        const { current, previous } = passphrases;
        // The record is renewed at each stage: a crash may have come before the last one.
        if (previous !== undefined && (await exchange(cryptsetup, place.below, encryption, { current, previous })))
          await options.recordRotation(volume.id);
        if (!(await cryptsetup.open(place.below, current, { name: place.name, encryption })))
          throw wrong(volume.id, passphrases);
      });
    },
    async resize({ name, below }) {
      // With integrity the size is fixed.
      if ((await kernel.deviceNumberOf(`/dev/mapper/${codesOf(name)}`)) !== undefined) return;
      const [upper, lower] = await Promise.all([`/dev/mapper/${name}`, below].map(kernel.deviceSize));
      if (upper !== (lower ?? 0n) - luksHeader) await cryptsetup.resize(name);
    },
    close: (name) => cryptsetup.close(name),
    async closeRemains(name) {
      for (const one of [unwritten(name), codesOf(unwritten(name)), codesOf(name)]) {
        if ((await kernel.deviceNumberOf(`/dev/mapper/${one}`)) !== undefined) await cryptsetup.close(one);
      }
    },
  };
}

/** Throws `unimplemented`. */
function knownEncryption({ id, encryption }: Volume): Luks2 {
  if (encryption?.type === 'luks2') return encryption;
  throw new Failure('unimplemented', `volume ${id} is encrypted in a way that only a newer version of Quarry knows`);
}

/** The key of an inline volume is in no record: only the kernel keeps it, as long as the device is open. Throws `precondition` for an earlier key. */
function newKey({ id, headerless }: Volume): Passphrases {
  if (!headerless)
    throw new Failure(
      'precondition',
      `the key of inline volume ${id} was in memory only and is gone, and so is its content`,
    );
  return { current: randomBytes(32).toString('base64') };
}

/** What a stage works with. */
interface Given {
  readonly place: LayerPlace;
  readonly encryption: Luks2;
  readonly passphrases: Passphrases;
}

/**
 * Makes the header of a volume that never had one, according to its tag, and records it before the volume is opened for the first time. So
 * a header of ours without record has no data behind it, and may have been cut off: it is made again.
 */
async function makeHeader(options: LuksOptions, { id }: Volume, given: Given, signal: AbortSignal): Promise<void> {
  await options.queue.run('derivation', signal, () => format(options, id, given));
  if (given.encryption.integrity) await writeContent(options, id, given);
  await options.recordHeader(id);
}

/** Throws `precondition` for a device with content. With integrity the device of the content is open then. */
async function format({ cryptsetup, probe }: LuksOptions, id: VolumeId, given: Given): Promise<void> {
  const { place, encryption, passphrases } = given;
  const { below } = place;
  const content = await probe(below, id);
  // As blkid reads it: cryptsetup refuses a header of which a power cut left a part.
  const isOurs = content.holds === 'something' && content.name === luksName && content.uuid === markOf(id);
  if (content.holds !== 'nothing' && !isOurs) {
    const name = content.holds === 'something' ? content.name : content.type;
    throw new Failure(
      'precondition',
      `volume ${id} was to be encrypted, but ${below} holds ${name}; it was left alone`,
    );
  }
  await cryptsetup.format(below, encryption, markOf(id), passphrases.current);
  const target = { name: unwritten(place.name), encryption, journal: false } as const;
  if (!(await cryptsetup.open(below, passphrases.current, encryption.integrity ? target : undefined))) {
    throw new Failure(
      'unavailable',
      `a header was made on ${below}, but cannot be read from it: the disk loses writes, so replace it`,
    );
  }
}

/** Gives each block its code: without, it could not be read. */
async function writeContent({ cryptsetup, kernel, writeAll }: LuksOptions, id: VolumeId, { place, encryption }: Given) {
  const name = unwritten(place.name);
  const device = `/dev/mapper/${name}`;
  try {
    const size = await kernel.deviceSize(device);
    if (size < (encryption.usable ?? 0n))
      throw new Failure(
        'unavailable',
        `volume ${id} has ${size} bytes with integrity, fewer than its user was promised`,
      );
    await writeAll(device, size);
  } finally {
    await cryptsetup.close(name);
  }
}

/** The device of a volume with integrity before all of it is written. */
function unwritten(name: string): string {
  return `${name}-new`;
}

/** As cryptsetup names the device between, which has the codes. */
function codesOf(name: string): string {
  return `${name}_dif`;
}

/** As blkid names it. */
const luksName = 'crypto_LUKS';

/** The UUID of a header that we made for the volume (RFC 9562, version 8). */
function markOf(id: VolumeId): string {
  const hex = createHash('sha256').update(`quarry:luks:${id}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function wrong(id: VolumeId, { previous }: Passphrases): Failure {
  const which = previous === undefined ? 'the passphrase' : 'neither passphrase';
  const does = previous === undefined ? 'does not open' : 'opens';
  return new Failure(
    'bad-secret',
    `${which} in the Secret ${does} volume ${id}: put the one into the Secret that the volume was encrypted with; nothing was changed`,
  );
}
