import { createHash } from 'node:crypto';
import type { Guest } from '../../lab/guest.ts';
import { MiB } from '../support/driver.ts';
import type { Volume } from './model.ts';
import type { Random } from './random.ts';
import { groupOf, idOf, lvOf } from './site.ts';

const passphrases = ['storm one', 'storm two'] as const;

/** Bytes of an encrypted volume's logical volume that hold its header. */
export function headerOf({ shape }: Pick<Volume, 'shape'>): number {
  return shape.encrypted ? 16 * MiB : 0;
}

/** The name of an encrypted volume's device in device-mapper. */
export function luksDeviceOf(volume: Pick<Volume, 'name'>): string {
  return `quarry-luks-${createHash('sha256')
    .update(idOf(lvOf(volume)))
    .digest('hex')
    .slice(0, 40)}`;
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
    [ ! -e /dev/mapper/${luksDeviceOf(volume)} ] || echo open`);
  const lines = text.trim().split('\n');
  const keys = lines.filter((line) => line === 'key').length;
  return [
    ...(keys === 1 ? [] : [`${keys} of two passphrases open ${volume.name} after a stage with both`]),
    ...(lines.includes('open') ? [`${volume.name} was unstaged, and its device is open`] : []),
  ];
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
