import { createHash, randomBytes } from 'node:crypto';
import type { Erasure } from '../domain/erasure.ts';
import { groupSnapshotIdFor, snapshotPrefix } from '../domain/ids.ts';
import type { LvName, NodeName, VgName, VolumeId } from '../domain/ids.ts';
import { Failure } from '../domain/errors.ts';

/**
 * device-mapper allows 127 characters for group, "-", volume and LVM's endings such as "_rimage_10", with each "-" of a name
 * doubled: this limit leaves 67 for the group.
 */
const mangledLimit = 48;
const hashedPrefix = 'q-';
const messengerPrefix = `${hashedPrefix}message-`;

/** The names of a thin pool's parts in a pool's group. */
export const thinPoolName = 'thinpool' as LvName;
export const thinPoolMetadataName = 'thinpoolm' as LvName;

// LVM refuses these names (lvm(8), "Valid names"); a CSI name may contain any of them.
const reservedStart = /^(?:snapshot|pvmove|lvol\d)/;
/** The beginning of the names that the snapshotter gives. */
const usualStart = 'snapshot-';
const reservedPart =
  /_(?:cdata|cmeta|corig|cpool|cvol|wcorig|iorig|imeta|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|tpool|vdata|vorigin)/;

/**
 * The logical volume's name for a CSI name: the name itself if LVM accepts it, so that an administrator sees `pvc-…`
 * in `lvs`; otherwise a hash of it.
 */
export function lvNameFor(csiName: string): LvName {
  const plain = isPlain(csiName) && !csiName.startsWith(snapshotPrefix);
  return (plain ? csiName : hashedPrefix + hash(csiName)) as LvName;
}

/** The same for a snapshot: `snapshot-…` becomes `snap-…`, because LVM refuses the longer one; any other name is hashed. */
export function snapshotLvNameFor(csiName: string): LvName {
  const rest = csiName.startsWith(usualStart) ? csiName.slice(usualStart.length) : '';
  const plain = rest !== '' && isPlain(`${snapshotPrefix}${rest}`) && !rest.startsWith(hashedPrefix);
  return `${snapshotPrefix}${plain ? rest : hashedPrefix + hash(csiName)}` as LvName;
}

/** The name of the snapshot that a volume of that name is copied from. No volume has such a name. */
export function copySourceName(lv: LvName): LvName {
  return `${hashedPrefix}copy-${hash(lv)}` as LvName;
}

/** The name of room that a volume of that name grows by, while it is written with zeros. No volume has such a name. */
export function roomName(lv: LvName): LvName {
  return `${hashedPrefix}room-${hash(lv)}` as LvName;
}

/** In names: the longest erasure would exceed their limit. */
const words = { zero: 'zero', discard: 'discard', cryptographic: 'keys' } as const satisfies Record<Erasure, string>;

/**
 * The name of a logical volume that is to be erased and removed: the name itself says so, so that the renaming is the commit point of a deletion. No volume
 * has such a name.
 */
export function erasedName(erasure: Erasure, uuid: string): LvName {
  return `${hashedPrefix}${words[erasure]}-${uuid.replaceAll('-', '')}` as LvName;
}

/** How a logical volume with this name is to be erased; `undefined`: it is not. */
export function erasureIn(lv: LvName): Erasure | undefined {
  const word = /^q-([a-z]+)-[A-Za-z0-9]+$/.exec(lv)?.[1];
  return (Object.keys(words) as Erasure[]).find((erasure) => words[erasure] === word);
}

function isPlain(name: string): boolean {
  return (
    /^[A-Za-z0-9_.+][A-Za-z0-9_.+-]*$/.test(name) &&
    mangled(name).length <= mangledLimit &&
    name !== thinPoolName &&
    name !== thinPoolMetadataName &&
    name !== '.' &&
    name !== '..' &&
    !name.startsWith(hashedPrefix) &&
    !reservedStart.test(name) &&
    !reservedPart.test(name)
  );
}

/** The mirrored volume that this part belongs to, by its name; volumes of ours never have the name of a part. */
export function raidPartOf(lv: LvName): LvName | undefined {
  return /^(.+)_r(?:meta|image)_\d+(?:_extracted)?$/.exec(lv)?.[1] as LvName | undefined;
}

/** Whether this is a part of a copy that LVM has replaced by another one: LVM removes it in a commit of its own. */
export function isReplacedPart(lv: LvName): boolean {
  return raidPartOf(lv) !== undefined && lv.endsWith('_extracted');
}

/** Whether this is the logical volume of a `pvmove`. */
export function isMoveName(lv: string): boolean {
  return /^pvmove\d+$/.test(lv);
}

/** A new name of a volume that is made for a moment, so that LVM sends messages to a thin pool. No hashed name is as short. */
export function newMessengerName(): LvName {
  return `${messengerPrefix}${randomBytes(4).toString('hex')}` as LvName;
}

export function isMessengerName(lv: LvName): boolean {
  return lv.startsWith(messengerPrefix);
}

/** The id of a group snapshot of that CSI name on a node, and the logical volumes of its members. */
export function groupSnapshotNames(node: NodeName, csiName: string) {
  return {
    id: groupSnapshotIdFor(node, hash(csiName)),
    // No CSI name has this separator.
    lvOf: (source: VolumeId): LvName => snapshotLvNameFor(`${csiName}\u0000${source}`),
  };
}

/** A Kubernetes node name may have 253 characters and a label value 63: longer names are hashed. Throws `invalid`. */
export function nodeNameFor(name: string): NodeName {
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/i.test(name)) {
    throw new Failure(
      'invalid',
      `"${name}" is not a node name: use letters, digits, "-" and "." only, and start and end with a letter or digit`,
    );
  }
  // A short name that looks like a hash is hashed too: else it could equal the hash of a long name.
  const plain = name.length <= 63 && !/^n-[0-9a-f]{40}$/i.test(name);
  return (plain ? name : `n-${hash(name)}`) as NodeName;
}

/** The path of a logical volume's device; the device need not exist. */
export function devicePath(group: VgName, lv: LvName): string {
  return `/dev/mapper/${deviceName(group, lv)}`;
}

/** The name of a logical volume's device in device-mapper; `layer`: LVM's name for a device below it, such as `tpool`, to which a thin pool's messages go. */
export function deviceName(group: VgName, lv: LvName, layer?: string): string {
  return `${mangled(group)}-${mangled(lv)}${layer === undefined ? '' : `-${layer}`}`;
}

/** As device-mapper has a name within another: it joins them with "-", and doubles those within them. */
function mangled(name: string): string {
  return name.replaceAll('-', '--');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 40);
}

/** The one of `groups` that a device-mapper device belongs to, by its name; else the device itself. */
export function groupOfDevice(device: string, groups: readonly VgName[]): string {
  // A second "-" is part of another group's name, in which each "-" is doubled.
  const within = (prefix: string): boolean => device.startsWith(prefix) && device[prefix.length] !== '-';
  return groups.find((group) => within(`/dev/mapper/${mangled(group)}-`)) ?? device;
}
