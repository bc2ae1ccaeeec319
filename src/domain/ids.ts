import { Failure } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/**
 * `<node>:<logical volume>`: at most 127 bytes, no path separator. Names the node that created the volume, and never changes; the nodes'
 * reports say where the volume is now.
 */
export type VolumeId = Branded<'VolumeId'>;
/** `<node>:snap-…`: the form of a volume's id, and no volume's id. Names the node that took the snapshot, and never changes. */
export type SnapshotId = Branded<'SnapshotId'>;
/** `<node>:group-<40 hexadecimal digits>`. Names the node that took the group snapshot, and never changes. */
export type GroupSnapshotId = Branded<'GroupSnapshotId'>;
/**
 * `csi-<64 hexadecimal digits>`: kubelet's id of an inline volume, a hash of the pod's UID and the volume's name in the pod. The form of no
 * other id.
 */
export type InlineHandle = Branded<'InlineHandle'>;
/** Name of a logical volume in LVM's alphabet, at most 63 characters. */
export type LvName = Branded<'LvName'>;
/** Name of a volume group in LVM's alphabet, at most 63 characters. */
export type VgName = Branded<'VgName'>;
/** The name of a pool in a StorageClass: a DNS label, at most 63 characters. */
export type PoolName = Branded<'PoolName'>;
/** The node's name in ids and topology: a legal label value of at most 63 characters. */
export type NodeName = Branded<'NodeName'>;

/** The volume id of a logical volume on the node that creates it. */
export function volumeIdFor(node: NodeName, lv: LvName): VolumeId {
  return `${node}:${lv}` as VolumeId;
}

/**
 * The id if the text has the form of Quarry's ids; `undefined` for any other text, which therefore names no volume of ours.
 */
export function parseVolumeId(text: string): { id: VolumeId; node: NodeName; lv: LvName } | undefined {
  const match = /^([A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?):([A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,62})$/.exec(text);
  if (!match) return undefined;
  return { id: text as VolumeId, node: match[1] as NodeName, lv: match[2] as LvName };
}

/** No volume's logical volume has a name that begins so. */
export const snapshotPrefix = 'snap-';

/** The snapshot id of a logical volume on the node that takes it. */
export function snapshotIdFor(node: NodeName, lv: LvName): SnapshotId {
  return `${node}:${lv}` as SnapshotId;
}

/** The id if the text has the form of a snapshot's id; `undefined` for any other text, which therefore names no snapshot of ours. */
export function parseSnapshotId(text: string): { id: SnapshotId; node: NodeName; lv: LvName } | undefined {
  const parsed = parseVolumeId(text);
  if (!parsed?.lv.startsWith(snapshotPrefix)) return undefined;
  return { id: text as SnapshotId, node: parsed.node, lv: parsed.lv };
}

/** @param digest 40 hexadecimal digits: a hash of the CSI name */
export function groupSnapshotIdFor(node: NodeName, digest: string): GroupSnapshotId {
  return `${node}:group-${digest}` as GroupSnapshotId;
}

/** The handle if the text has the form of kubelet's ids of inline volumes. */
export function parseInlineHandle(text: string): InlineHandle | undefined {
  return /^csi-[0-9a-f]{64}$/.test(text) ? (text as InlineHandle) : undefined;
}

/** Throws `not-found` for a text that is the id of no volume of Quarry's. */
export function issuedVolumeId(text: string): NonNullable<ReturnType<typeof parseVolumeId>> {
  const parsed = parseVolumeId(text);
  if (parsed) return parsed;
  throw new Failure('not-found', `volume ${text} does not exist: this driver issues no ids of that form`);
}

/** The id if the text has the form of a group snapshot's id; `undefined` for any other text, which therefore names none of ours. */
export function parseGroupSnapshotId(text: string): { id: GroupSnapshotId; node: NodeName } | undefined {
  const parsed = parseVolumeId(text);
  if (!parsed || !/^group-[0-9a-f]{40}$/.test(parsed.lv)) return undefined;
  return { id: text as GroupSnapshotId, node: parsed.node };
}

/** `undefined` if the text is not a legal value of a Kubernetes label. */
export function parseNodeName(text: string): NodeName | undefined {
  return /^[A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?$/.test(text) ? (text as NodeName) : undefined;
}

/** `undefined` if LVM or device-mapper does not accept the text as a volume group's name. */
export function parseVgName(text: string): VgName | undefined {
  const legal = /^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,62}$/.test(text) && text !== '.' && text !== '..';
  return legal ? (text as VgName) : undefined;
}

/** `undefined` if the text is not a DNS label. */
export function parsePoolName(text: string): PoolName | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? (text as PoolName) : undefined;
}
