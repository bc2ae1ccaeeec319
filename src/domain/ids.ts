declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/**
 * `<node>:<logical volume>`: at most 127 bytes, no path separator. Names where the volume was born, and never changes; where it is now is
 * what nodes report.
 */
export type VolumeId = Branded<'VolumeId'>;
/** Name of a logical volume in LVM's alphabet, at most 63 characters. */
export type LvName = Branded<'LvName'>;
/** Name of a volume group in LVM's alphabet, at most 63 characters. */
export type VgName = Branded<'VgName'>;
/** What a StorageClass names: a label of DNS, at most 63 characters. */
export type PoolName = Branded<'PoolName'>;
/** The node's name as ids and topology carry it: a legal label value of at most 63 characters. */
export type NodeName = Branded<'NodeName'>;

/** The id of the volume that this logical volume is on the node where it is made. */
export function volumeIdFor(node: NodeName, lv: LvName): VolumeId {
  return `${node}:${lv}` as VolumeId;
}

/**
 * The id where the text can be one that Quarry issued; `undefined` for anything else, which therefore names no volume of
 * ours anywhere.
 */
export function parseVolumeId(text: string): { id: VolumeId; node: NodeName; lv: LvName } | undefined {
  const match = /^([A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?):([A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,62})$/.exec(text);
  if (!match) return undefined;
  return { id: text as VolumeId, node: match[1] as NodeName, lv: match[2] as LvName };
}

/** `undefined` where the text is no value of a Kubernetes label. */
export function parseNodeName(text: string): NodeName | undefined {
  return /^[A-Za-z0-9](?:[-A-Za-z0-9.]{0,61}[A-Za-z0-9])?$/.test(text) ? (text as NodeName) : undefined;
}

/** `undefined` where the text is no name of a volume group that LVM and device-mapper can hold. */
export function parseVgName(text: string): VgName | undefined {
  const legal = /^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,62}$/.test(text) && text !== '.' && text !== '..';
  return legal ? (text as VgName) : undefined;
}

/** `undefined` where the text is no DNS label. */
export function parsePoolName(text: string): PoolName | undefined {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text) ? (text as PoolName) : undefined;
}
