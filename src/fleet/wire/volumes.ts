import type { SizeRange } from '../../domain/bytes.ts';
import { parseErasure } from '../../domain/erasure.ts';
import { Failure } from '../../domain/errors.ts';
import type { LvName, NodeName } from '../../domain/ids.ts';
import { parseFilesystemState, passiveRoles, type Volume, type VolumeSpec } from '../../domain/volume.ts';
import { longestRecord } from '../../domain/persistent-volume.ts';
import { parseSource, printSource } from '../../domain/snapshot.ts';
import { parseSnapshotRoom, printSnapshotRoom } from '../../domain/snapshot-room.ts';
import type { Pod as PodMessage } from '../../gen/quarry/node/v1/Pod.ts';
import type { SizeRange as RangeMessage, SizeRangeInit } from '../../gen/quarry/node/v1/SizeRange.ts';
import type { Volume as VolumeMessage, VolumeInit } from '../../gen/quarry/node/v1/Volume.ts';
import type { VolumeSpec as SpecMessage, VolumeSpecInit } from '../../gen/quarry/node/v1/VolumeSpec.ts';
import { readFigure, readTime } from './bounds.ts';
import { readEncrypted, readLayout, readWantedLayout, sameLayout, writeLayout } from './layouts.ts';
import { readPoolName, readVgName, readVolumeId } from './names.ts';
import { readQos, readWantedQos, writeQos } from './qos.ts';

export function writeVolume(volume: Volume): VolumeInit {
  const { id, name, pool, group, lv, size, layout, filesystem, mkfsOptions, qos } = volume;
  const { state, created, retained, role = '' } = volume;
  return {
    id,
    name,
    pool,
    group,
    lv,
    filesystem,
    size: String(size),
    layout: writeLayout(layout, volume),
    mkfsOptions: [...mkfsOptions],
    qos: writeQos(qos),
    creating: state === 'creating',
    copying: state === 'copying',
    ...(created !== undefined && { createdMs: String(created) }),
    ...(volume.rotated !== undefined && { rotatedMs: String(volume.rotated) }),
    retained: retained === true,
    role,
    ...(volume.source && { source: printSource(volume.source) }),
    ...(volume.inline && { pod: { ...volume.inline.pod } }),
    ...(volume.erase && { erase: volume.erase }),
    ...(volume.persistentVolume !== undefined && { persistentVolume: volume.persistentVolume }),
  };
}

const noOptions: readonly string[] = [];

/** Bytes, as CSI limits them: no volume exceeds them, and a controller keeps the text of every volume in memory. */
const [longestName, longestOptions] = [128, 4096];

/** LVM's own rule: an administrator may have renamed what we made. */
const legalLv = /^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,126}$/;

/** On both sides: a controller that reads a longer name in a report sets the node apart. */
function refuseLong({ name, mkfsOptions }: Pick<VolumeMessage, 'name' | 'mkfsOptions'>, of: string): void {
  const options = mkfsOptions.reduce((sum, option) => sum + option.length, mkfsOptions.length);
  if (Buffer.byteLength(name) <= longestName && options <= longestOptions) return;
  throw new Failure('invalid', `the name or the options of ${of} are longer than any can be`);
}

/**
 * Throws `invalid` for what no node of ours sends. A volume that was born on another node is on the one that reports it. What is equal in
 * `like`, another volume of the node, is kept once: a controller holds a hundred thousand volumes.
 */
export function readVolume(message: VolumeMessage, node: NodeName, like?: Volume): Volume {
  const parsed = readVolumeId(message.id);
  if (!legalLv.test(message.lv)) {
    throw new Failure('invalid', `the logical volume of volume ${parsed.id} has no name that LVM allows`);
  }
  refuseLong(message, `volume ${parsed.id}`);
  const source = parseSource(message.source);
  const erase = parseErasure(message.erase);
  const created = message.createdMs === undefined ? undefined : readTime(message.createdMs);
  const rotated = message.rotatedMs === undefined ? undefined : readTime(message.rotatedMs);
  return {
    id: parsed.id,
    node,
    // Mostly all three are the same text.
    name: message.name === parsed.lv ? parsed.lv : message.name,
    pool: message.pool === like?.pool ? like.pool : readPoolName(message.pool),
    group: message.group === like?.group ? like.group : readVgName(message.group),
    lv: message.lv === parsed.lv ? parsed.lv : (message.lv as LvName),
    size: readFigure(message.size, `the size of volume ${parsed.id}`),
    layout: sameLayout(readLayout(message.layout?.encrypted?.below ?? message.layout), like?.layout),
    ...readEncrypted(message.layout),
    // A state that only a newer node knows never counts as blank.
    filesystem: parseFilesystemState(message.filesystem),
    mkfsOptions: message.mkfsOptions.length === 0 ? noOptions : message.mkfsOptions,
    qos: readQos(message.qos),
    state: message.creating ? 'creating' : message.copying ? 'copying' : 'ready',
    ...(created !== undefined && { created }),
    ...(rotated !== undefined && { rotated }),
    ...(message.retained && { retained: true }),
    ...(message.persistentVolume !== '' && { persistentVolume: readRecord(message.persistentVolume) }),
    ...(source && { source }),
    ...readPod(message.pod),
    ...(erase && { erase }),
    // A role that only a newer node knows is never the volume itself.
    ...(message.role !== '' && { role: passiveRoles.find((role) => role === message.role) ?? 'unknown' }),
  };
}

/** Characters: Kubernetes allows 253 for a name. */
const longestPod = 253;

function readPod(message: PodMessage | null): Pick<Volume, 'inline'> {
  if (!message) return {};
  const { uid, namespace, name } = message;
  if ([uid, namespace, name].some((text) => text.length > longestPod))
    throw new Failure('invalid', 'the name of a pod is longer than any can be');
  return { inline: { pod: { uid, namespace, name } } };
}

/** Throws `invalid` for a text that is too long for a tag. */
export function readRecord(text: string): string {
  if (text.length <= longestRecord) return text;
  throw new Failure('invalid', 'the record of a PersistentVolume is longer than any can be');
}

export function writeSpec(spec: VolumeSpec): VolumeSpecInit {
  const { name, pool, layout, size, mkfsOptions, qos, snapshotRoom, source, erase } = spec;
  return {
    name,
    pool,
    layout: writeLayout(layout, spec),
    size: writeRange(size),
    mkfsOptions: [...mkfsOptions],
    qos: writeQos(qos),
    ...(snapshotRoom && { snapshotSize: printSnapshotRoom(snapshotRoom) }),
    ...(source && { source: printSource(source) }),
    ...(erase && { erase }),
  };
}

export function readSpec(message: SpecMessage | null): VolumeSpec {
  if (!message) throw new Failure('invalid', 'the specification of the volume is missing');
  refuseLong(message, 'the volume asked for');
  const { name, pool, layout, size, mkfsOptions, qos } = message;
  const source = parseSource(message.source);
  if (!source && message.source !== '')
    throw new Failure('invalid', 'the source of the volume is none of this version');
  const erase = parseErasure(message.erase);
  const snapshotRoom = parseSnapshotRoom(message.snapshotSize);
  if (!snapshotRoom && message.snapshotSize !== '')
    throw new Failure('invalid', 'the room of snapshots is none of this version');
  const { encryption } = readEncrypted(layout);
  if (encryption?.type === 'unknown')
    throw new Failure('unimplemented', 'this node does not know the encryption of the volume asked for: upgrade it');
  return {
    name,
    pool: readPoolName(pool),
    layout: readWantedLayout(layout?.encrypted?.below ?? layout),
    size: readRange(size),
    mkfsOptions,
    qos: readWantedQos(qos),
    ...(snapshotRoom && { snapshotRoom }),
    ...(source && { source }),
    ...(erase && { erase }),
    ...(encryption && { encryption }),
  };
}

export function writeRange({ required, limit }: SizeRange): SizeRangeInit {
  return { required: String(required), ...(limit !== undefined && { limit: String(limit) }) };
}

export function readRange(message: RangeMessage | null): SizeRange {
  const limit = message?.limit;
  return {
    required: readFigure(message?.required ?? 0, 'the size asked for'),
    ...(limit !== undefined && { limit: readFigure(limit, 'the limit of the size') }),
  };
}
