import { parseErasure } from '../domain/erasure.ts';
import { type NodeName, parseVolumeId, type PoolName } from '../domain/ids.ts';
import { longestRecord } from '../domain/persistent-volume.ts';
import { parseSource, printSource } from '../domain/snapshot.ts';
import { parseSnapshotRoom, printSnapshotRoom } from '../domain/snapshot-room.ts';
import { type Inline, knownLayout, type PassiveRole, passiveRoles, type Volume } from '../domain/volume.ts';
import { contentOf, contentTags, rotationOf } from './content-tags.ts';
import { parseLayout, printLayout } from './layout.ts';
import { raidPartOf } from './names.ts';
import { parseQos, printQos } from './qos.ts';
import type { LvRecord } from './records.ts';
import { tag } from './tags.ts';

/** The role of a logical volume for the volume id in its tags; `undefined`: it is not a volume. */
export function roleOf({ tags }: Pick<LvRecord, 'tags'>): PassiveRole | 'volume' | undefined {
  const role = tags.get('role');
  return role === 'volume' ? role : passiveRoles.find((known) => known === role);
}

/** The volume that a logical volume's tags describe; `undefined` for logical volumes that are not Quarry's. */
export function toVolume(record: LvRecord, pool: PoolName, node: NodeName): Volume | undefined {
  const { tags } = record;
  const parsed = parseVolumeId(tags.get('id') ?? '');
  const name = tags.get('name');
  const layout = parseLayout(tags.get('layout'));
  const role = roleOf(record);
  const source = parseSource(tags.get('source') ?? '');
  const snapshotRoom = parseSnapshotRoom(tags.get('snapshot-size') ?? '');
  const erase = parseErasure(tags.get('erase'));
  if (role === undefined || parsed === undefined || name === undefined || layout === undefined) return undefined;
  // The parts of a mirrored volume whose creation or repair was cut off have its tags, but are not volumes.
  if (raidPartOf(record.lv) !== undefined) return undefined;
  return {
    id: parsed.id,
    node,
    ...(role !== 'volume' && { role }),
    name,
    pool,
    group: record.group,
    lv: record.lv,
    size: record.size,
    layout,
    ...contentOf(tags),
    mkfsOptions: words(tags.get('mkfs')),
    qos: parseQos(tags.get('qos')),
    ...(snapshotRoom && { snapshotRoom }),
    ...(source && { source }),
    ...inlineOf(tags),
    ...(erase && { erase }),
    state: stateOf(tags.get('state')),
    ...(record.boots.length > 0 && { boots: record.boots }),
    ...(record.created !== undefined && { created: record.created }),
    ...(tags.has('retain') && { retained: true }),
    ...rotationOf(tags.get('rotated')),
    ...persistentVolumeOf(tags.get('pv')),
  };
}

/** Of an inline volume; nothing if its tags cannot be read: it is then never removed by itself. */
function inlineOf(tags: LvRecord['tags']): { inline?: Inline } {
  const [uid, namespace, name, more] = (tags.get('pod') ?? '').split('/');
  if (!uid || namespace === undefined || name === undefined || more !== undefined) return {};
  const target = tags.get('target');
  return { inline: { pod: { uid, namespace, name }, ...(target !== undefined && { target }) } };
}

function persistentVolumeOf(text: string | undefined): Pick<Volume, 'persistentVolume'> {
  return text === undefined || text.length > longestRecord ? {} : { persistentVolume: text };
}

function stateOf(text: string | undefined): Volume['state'] {
  return text === 'creating' || text === 'copying' ? text : 'ready';
}

/** The tags of a new volume. LVM commits them together with the volume. */
export function creationTags(volume: Volume): string[] {
  const tags = [
    tag('v', '1'),
    tag('role', volume.role ?? 'volume'),
    tag('id', volume.id),
    tag('name', volume.name),
    tag('layout', printLayout(knownLayout(volume))),
    ...contentTags(volume),
  ];
  if (volume.mkfsOptions.length > 0) tags.push(tag('mkfs', volume.mkfsOptions.join(' ')));
  const qos = printQos(volume.qos);
  if (qos !== '') tags.push(tag('qos', qos));
  if (volume.snapshotRoom) tags.push(tag('snapshot-size', printSnapshotRoom(volume.snapshotRoom)));
  if (volume.source) tags.push(tag('source', printSource(volume.source)));
  if (volume.inline) tags.push(...inlineTags(volume.inline));
  if (volume.erase) tags.push(tag('erase', volume.erase));
  if (volume.state !== 'ready') tags.push(tag('state', volume.state));
  if (volume.persistentVolume !== undefined) tags.push(tag('pv', volume.persistentVolume));
  return tags;
}

function inlineTags({ pod, target }: Inline): string[] {
  const tags = [tag('pod', `${pod.uid}/${pod.namespace}/${pod.name}`)];
  return target === undefined ? tags : [...tags, tag('target', target)];
}

function words(text: string | undefined): string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}
