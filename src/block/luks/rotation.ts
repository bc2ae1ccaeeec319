import type { Luks2 } from '../../domain/encryption.ts';
import type { Cryptsetup } from './cryptsetup.ts';
import type { Passphrases } from './passphrases.ts';

/**
 * Lets the current passphrase replace the previous one: adds the one, proves that it opens the device, then removes the other. Each step can be
 * repeated. Returns whether the current one alone is left of the two.
 */
export async function exchange(
  cryptsetup: Cryptsetup,
  device: string,
  encryption: Luks2,
  { current, previous }: Required<Passphrases>,
): Promise<boolean> {
  const opens = await cryptsetup.open(device, current, undefined);
  if (!opens) await cryptsetup.addKey(device, encryption, { current, previous });
  const proven = opens || (await cryptsetup.open(device, current, undefined));
  if (!proven) return false;
  await removeLeaving(cryptsetup, device, current);
  const { slots } = await cryptsetup.keysOf(device);
  const slot = slots.length > 1 ? await cryptsetup.slotOf(device, previous) : undefined;
  if (slot !== undefined) {
    await cryptsetup.markLeaving(device, slot);
    await removeLeaving(cryptsetup, device, current);
  }
  return true;
}

/**
 * Removes the slots that are marked. cryptsetup overwrites a slot before it removes it from the header: a power cut between leaves one that nothing opens,
 * like one that an administrator added. Only the mark says that it is ours.
 */
async function removeLeaving(cryptsetup: Cryptsetup, device: string, current: string): Promise<void> {
  const { slots, leaving } = await cryptsetup.keysOf(device);
  for (const mark of leaving) {
    for (const slot of mark.slots) if (slots.includes(slot)) await cryptsetup.killSlot(device, slot, current);
    await cryptsetup.removeMark(device, mark.token);
  }
}
