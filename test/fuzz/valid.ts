import { topologyOf } from '../../src/domain/topology.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import type { Random } from '../storm/random.ts';
import {
  driver,
  evil,
  farIds,
  farNames,
  groupNames,
  groups,
  ids,
  names,
  snapshotNames,
  snapshots,
  stagings,
  targets,
  victim,
} from './subjects.ts';

type Make = (random: Random) => object;

const modes = ['SINGLE_NODE_WRITER', 'SINGLE_NODE_SINGLE_WRITER', 'SINGLE_NODE_MULTI_WRITER'];

function capability(random: Random): object {
  const accessMode = { mode: random.pick(modes) };
  if (random.chance(0.3)) return { block: {}, accessMode };
  const mountFlags = random.pick([[], ['noatime'], ['ro'], ['nodev,nosuid']]);
  return { mount: { fsType: random.pick(['ext4', 'xfs', 'btrfs', '']), mountFlags }, accessMode };
}

function range(random: Random): object {
  const required = random.pick([0n, 1n, 2n ** 20n, 2n ** 30n, 2n ** 31n, 2n ** 45n]);
  return { requiredBytes: String(required), ...(random.chance(0.2) && { limitBytes: String(required + 2n ** 30n) }) };
}

function limits(random: Random): Record<string, string> {
  return random.pick<Record<string, string>>([
    {},
    { readIops: '500' },
    { writeBandwidth: '100Mi', qosEnforcement: 'strict' },
    { readIopsPerGiB: '10', readIopsMin: '100' },
    { readIops: 'max' },
    { reservedReadIops: '100' },
  ]);
}

/** Those of a source are in its own pool. */
function parameters(name: string, random: Random): object {
  if (name.startsWith('thin-')) return { pool: 'thin' };
  return random.pick<object>([{}, { pool: 'fast' }, { pool: 'slow', stripes: '2' }, { pool: 'thin' }]);
}

function source(random: Random): object {
  if (random.chance(0.5)) return { snapshot: { snapshotId: random.pick(snapshots) } };
  return { volume: { volumeId: random.pick(ids) } };
}

const thinIds = ids.filter((id) => id.includes(':thin-'));
const anySource: Make = (random) => ({ sourceVolumeId: random.chance(0.5) ? random.pick(thinIds) : random.pick(ids) });
const anySnapshot: Make = (random) => ({ snapshotId: random.pick(snapshots) });
/** A group of the thin volumes mostly. */
const anySources = (random: Random): readonly string[] =>
  random.chance(0.8) ? thinIds : [random.pick(ids), random.pick(ids)];

const topology = (node: string): object => topologyOf(driver, node as NodeName);

/** A volume, its paths and its form belong together in most calls, so that many succeed. */
function place(random: Random) {
  const index = random.below(stagings.length);
  const aside = random.chance(0.1);
  const accessMode = { mode: 'SINGLE_NODE_MULTI_WRITER' };
  const own = index % 3 === 2 ? { block: {}, accessMode } : { mount: { fsType: 'ext4', mountFlags: [] }, accessMode };
  return {
    volumeId: ids[index] ?? '',
    stagingTargetPath: aside ? random.pick(stagings) : (stagings[index] ?? ''),
    targetPath: aside ? random.pick(targets) : (targets[index] ?? ''),
    volumeCapability: aside ? capability(random) : own,
  };
}

const anyId: Make = (random) => ({ volumeId: random.chance(0.9) ? random.pick(ids) : random.pick(farIds) });

/** For each call a request that the driver may serve, by the call's path. */
export const valid: Readonly<Record<string, Make>> = {
  '/csi.v1.Controller/CreateVolume': (random) => {
    const far = random.chance(0.05);
    const name = random.pick(far ? farNames : names);
    return {
      name,
      capacityRange: range(random),
      volumeCapabilities: [capability(random)],
      ...(random.chance(0.2) ? { volumeContentSource: source(random) } : { parameters: parameters(name, random) }),
      mutableParameters: limits(random),
      accessibilityRequirements: { requisite: [topology(far ? random.pick([evil, victim, 'n2']) : victim)] },
    };
  },
  '/csi.v1.Controller/DeleteVolume': anyId,
  '/csi.v1.Controller/ControllerExpandVolume': (random) => ({ ...anyId(random), capacityRange: range(random) }),
  '/csi.v1.Controller/ControllerModifyVolume': (random) => ({ ...anyId(random), mutableParameters: limits(random) }),
  '/csi.v1.Controller/ControllerGetVolume': anyId,
  '/csi.v1.Controller/ValidateVolumeCapabilities': (random) => ({
    ...anyId(random),
    volumeCapabilities: [capability(random)],
  }),
  '/csi.v1.Controller/ListVolumes': (random) => ({ maxEntries: random.below(4) }),
  '/csi.v1.Controller/GetCapacity': (random) => ({ accessibleTopology: topology(random.pick([victim, evil])) }),
  '/csi.v1.Controller/CreateSnapshot': (random) => ({
    name: random.pick(snapshotNames),
    ...anySource(random),
    parameters: random.pick<object>([{}, {}, { snapshotSize: '20%' }, { snapshotSize: '1Gi' }]),
  }),
  '/csi.v1.Controller/DeleteSnapshot': anySnapshot,
  '/csi.v1.Controller/GetSnapshot': anySnapshot,
  '/csi.v1.Controller/ListSnapshots': (random) =>
    random.pick<object>([{}, { maxEntries: random.below(4) }, anySnapshot(random), anySource(random)]),
  '/csi.v1.GroupController/CreateVolumeGroupSnapshot': (random) => ({
    name: random.pick(groupNames),
    sourceVolumeIds: anySources(random),
  }),
  '/csi.v1.GroupController/DeleteVolumeGroupSnapshot': (random) => ({ groupSnapshotId: random.pick(groups) }),
  '/csi.v1.GroupController/GetVolumeGroupSnapshot': (random) => ({ groupSnapshotId: random.pick(groups) }),
  '/csi.v1.Controller/ControllerGetVolumeHealth': anyId,
  '/csi.v1.Controller/ControllerListVolumeHealth': (random) => ({ maxEntries: random.below(4) }),
  '/csi.v1.Node/NodeGetVolumeHealth': anyId,
  '/csi.v1.SnapshotMetadata/GetMetadataAllocated': (random) => ({
    snapshotId: random.pick(snapshots),
    startingOffset: random.pick(['-1', '0', '65536', '9223372036854775807']),
    maxResults: random.pick([-1, 0, 1]),
  }),
  '/csi.v1.SnapshotMetadata/GetMetadataDelta': (random) => ({
    baseSnapshotId: random.pick(snapshots),
    targetSnapshotId: random.pick(snapshots),
  }),
  '/csi.v1.Node/NodeStageVolume': (random) => {
    const { volumeId, stagingTargetPath, volumeCapability } = place(random);
    return { volumeId, stagingTargetPath, volumeCapability };
  },
  '/csi.v1.Node/NodePublishVolume': (random) => ({
    ...place(random),
    readonly: random.chance(0.1),
    volumeContext: { 'csi.storage.k8s.io/pod.uid': 'fuzz' },
  }),
  '/csi.v1.Node/NodeUnpublishVolume': (random) => {
    const { volumeId, targetPath } = place(random);
    return { volumeId, targetPath };
  },
  '/csi.v1.Node/NodeUnstageVolume': (random) => {
    const { volumeId, stagingTargetPath } = place(random);
    return { volumeId, stagingTargetPath };
  },
  '/csi.v1.Node/NodeGetVolumeStats': (random) => {
    const { volumeId, targetPath } = place(random);
    return { volumeId, volumePath: targetPath };
  },
  '/csi.v1.Node/NodeExpandVolume': (random) => {
    const { volumeId, targetPath } = place(random);
    return { volumeId, volumePath: targetPath };
  },
  '/quarry.admin.v1.Admin/RetainOrphan': (random) => ({ id: random.pick(ids) }),
  '/quarry.admin.v1.Admin/DeleteOrphan': (random) => ({
    id: random.pick(random.chance(0.7) ? ids : snapshots),
    node: victim,
  }),
  '/quarry.node.v1.Volumes/Create': (random) => ({
    spec: {
      name: random.pick(names),
      pool: random.pick(['fast', 'slow']),
      layout: { thick: { stripes: 1, stripeSize: '65536' } },
      size: { required: String(2n ** 20n) },
      qos: {},
    },
  }),
  '/quarry.node.v1.Snapshots/FindSnapshot': (random) => ({ snapshot: random.pick(snapshots) }),
  '/quarry.node.v1.Snapshots/TakeSnapshot': (random) => ({
    name: random.pick(snapshotNames),
    source: random.pick(ids),
    room: random.pick(['', '20%', '1073741824']),
  }),
  '/quarry.node.v1.Snapshots/RemoveSnapshot': (random) => ({ snapshot: random.pick(snapshots) }),
  '/quarry.node.v1.Snapshots/FindGroupSnapshot': (random) => ({ group: random.pick(groups) }),
  '/quarry.node.v1.Snapshots/TakeGroupSnapshot': (random) => ({
    name: random.pick(groupNames),
    sources: anySources(random),
  }),
  '/quarry.node.v1.Snapshots/RemoveGroupSnapshot': (random) => ({ group: random.pick(groups) }),
  '/quarry.node.v1.Snapshots/ListBlocks': (random) => ({ snapshot: random.pick(snapshots), base: '', from: '0' }),
  '/quarry.node.v1.Volumes/Find': (random) => ({ volume: random.pick(ids) }),
  '/quarry.node.v1.Volumes/Remove': (random) => ({ volume: random.pick(ids) }),
  '/quarry.node.v1.Volumes/Retain': (random) => ({ volume: random.pick(ids) }),
  '/quarry.node.v1.Volumes/Modify': (random) => ({ volume: random.pick(ids), change: { limits: {} } }),
  '/quarry.node.v1.Volumes/Expand': (random) => ({
    volume: random.pick(ids),
    size: { required: String(2n ** 21n) },
  }),
};
