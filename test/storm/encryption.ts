import { createHash } from 'node:crypto';
import type { Guest } from '../../lab/guest.ts';
import { MiB } from '../support/driver.ts';
import type { Volume } from './model.ts';
import type { Random } from './random.ts';
import { groupOf, idOf, lvOf } from './site.ts';

const passphrases = ['storm one', 'storm two'] as const;

const header = 16 * MiB;

/** Bytes that the user of a volume gets, by those of its logical volume: the rest is the header and, with integrity, the codes and their journal. */
export function usableOf({ shape }: Pick<Volume, 'shape'>, bytes: number): number {
  if (!shape.encrypted) return bytes;
  if (!shape.integrity) return bytes - header;
  // 8 MiB, and twice 1/120 of what the user gets; rounded up to whole extents in each stripe.
  const most = ((bytes - header - 8 * MiB) * 60) / 61;
  return most - (most % (8 * MiB));
}

/** The name of an encrypted volume's device in device-mapper. */
export function luksDeviceOf(volume: Pick<Volume, 'name'>): string {
  return `quarry-luks-${createHash('sha256')
    .update(idOf(lvOf(volume)))
    .digest('hex')
    .slice(0, 40)}`;
}

/** The names of all devices that an encrypted volume may have in device-mapper: with integrity one below has the codes, and both have other names until all of it is written once. */
export function luksDevicesOf(volume: Pick<Volume, 'name' | 'shape'>): string[] {
  if (!volume.shape.encrypted) return [];
  const name = luksDeviceOf(volume);
  return volume.shape.integrity ? [name, `${name}-new`].flatMap((one) => [one, `${one}_dif`]) : [name];
}

/** The Secret of an encrypted volume. Each stage may exchange the passphrase; one that was cut off leaves a volume that either opens. */
export function secretsFor({ shape }: Volume, random: Random): Record<string, string> {
  if (!shape.encrypted) return {};
  const [current, previous] = random.chance(0.5) ? passphrases : passphrases.toReversed();
  return { passphrase: current ?? '', previousPassphrase: previous ?? '' };
}

/** A Secret that never opened a volume. */
export const wrongSecrets = { passphrase: 'storm none' };

/** Of an encrypted volume that was staged and unstaged: its device is closed, and one of the two passphrases opens it. */
export async function checkHeader(guest: Guest, volume: Volume): Promise<string[]> {
  if (!volume.shape.encrypted) return [];
  const tries = passphrases.map(
    (text) =>
      `printf %s '${text}' | cryptsetup open --test-passphrase --key-file - ${belowOf(volume)} && echo key || :`,
  );
  const text = await guest.shell(`lvchange -ay ${groupOf(volume)}/${volume.name}
    ${tries.join('\n')}
    for device in ${luksDevicesOf(volume).join(' ')}; do [ ! -e /dev/mapper/$device ] || echo open; done`);
  const lines = text.trim().split('\n');
  const keys = lines.filter((line) => line === 'key').length;
  return [
    ...(keys === 1 ? [] : [`${keys} of two passphrases open ${volume.name} after a stage with both`]),
    ...(lines.includes('open') ? [`${volume.name} was unstaged, and its device is open`] : []),
  ];
}

/** Of a volume with integrity that is not staged: each block has its code, so that all of it can be read. */
export async function checkCodes(guest: Guest, volume: Volume): Promise<string[]> {
  if (!volume.shape.integrity) return [];
  const { exitCode, stdout, stderr } = await guest.exec(['sh', '-c', withPlainDevice(volume, 'md5sum')]);
  return exitCode === 0 ? [] : [`${volume.name} cannot be read as a whole: ${stdout}${stderr}`];
}

/** Runs the words with the device that has the plain content of a volume which is not staged. */
export function withPlainDevice(volume: Volume, words: string): string {
  if (!volume.shape.encrypted) return `lvchange -ay ${groupOf(volume)}/${volume.name} && ${words} ${belowOf(volume)}`;
  const device = `check-${volume.name}`;
  const tries = passphrases.map(
    (text) => `printf %s '${text}' | cryptsetup open --readonly --key-file - ${belowOf(volume)} ${device}`,
  );
  return `lvchange -ay ${groupOf(volume)}/${volume.name} && { ${tries.join(' || ')}; } || exit 1
    ${words} /dev/mapper/${device}; code=$?; cryptsetup close ${device} || exit 1; exit $code`;
}

function belowOf(volume: Volume): string {
  return `/dev/${groupOf(volume)}/${volume.name}`;
}
