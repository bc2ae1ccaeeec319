import { type GroupText, newest } from './texts.ts';

/** A disk whose committed metadata is not where its header says. */
export interface LostDisk {
  /** Its path. */
  readonly device: string;
  /** Of the physical volume. */
  readonly uuid: string;
  /** Bytes where the metadata should be. */
  readonly found: Buffer;
  /** The texts of the group on it, without what is there. */
  readonly texts: readonly GroupText[];
}

/**
 * - `certain`  the text is to be written to the disks
 * - `doubtful` the same, if a person says so
 * - `partial`  other disks of the group, whose physical volumes have the UUIDs in `missing`, may have newer metadata
 */
export type Restoration = { readonly text: GroupText; readonly disks: readonly LostDisk[] } & (
  | { readonly state: 'certain' | 'doubtful' }
  | { readonly state: 'partial'; readonly missing: readonly string[] }
);

/** LVM and disks write no less at once. */
const sector = 512;

/**
 * Which state of a group was the last one before a power cut took the newest, which LVM had committed and no disk had flushed: LVM writes the text of
 * the metadata, and then where it is, without a flush between, so that a disk may keep the second alone. Nothing that was answered is lost: each answered
 * change was flushed. LVM's backup is newer if the root disk kept it; then nothing is lost at all.
 *
 * A disk that damages what it had flushed leaves a similar picture, and then an older state would give the space of volumes away. So all disks of the group
 * must be here, and either several of them lost their text, or a sector of it was never written.
 *
 * @param disks all of the group that are here. `undefined`: none of them has a text of the group.
 */
export function planRestoration(disks: readonly LostDisk[], backup: GroupText | undefined): Restoration | undefined {
  const texts = disks.flatMap((disk) => disk.texts.filter((text) => text.disks.includes(disk.uuid)));
  const uuids = [...new Set(texts.map(({ uuid }) => uuid))];
  const group = uuids.length > 1 ? backup?.uuid : uuids[0];
  const onDisks = newest(texts.filter(({ uuid }) => uuid === group));
  if (!onDisks) return undefined;
  const isNewer = backup !== undefined && backup.uuid === group && backup.sequence > onDisks.sequence;
  const text = isNewer ? backup : onDisks;
  const members = disks.filter(({ uuid }) => text.disks.includes(uuid));
  const missing = text.disks.filter((uuid) => !members.some((disk) => disk.uuid === uuid));
  const plan = { text, disks: members };
  if (missing.length > 0) return { ...plan, state: 'partial', missing };
  const isCertain = isNewer || members.length > 1 || members.some(({ found }) => hasUnwritten(found));
  return { ...plan, state: isCertain ? 'certain' : 'doubtful' };
}

/** Whether a sector has only zeros: the disk never wrote there. LVM's text has one zero byte, at its end. */
function hasUnwritten(bytes: Buffer): boolean {
  for (let from = 0; from < bytes.length; from += sector) {
    const part = bytes.subarray(from, from + sector);
    if (part.length > 1 && part.every((byte) => byte === 0)) return true;
  }
  return false;
}
