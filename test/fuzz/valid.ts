import { topologyOf } from '../../src/domain/topology.ts';
import type { NodeName } from '../../src/domain/ids.ts';
import type { Random } from '../storm/random.ts';
import { driver, evil, farIds, farNames, ids, names, snapshots, stagings, targets, victim } from './subjects.ts';

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
    return {
      name: random.pick(far ? farNames : names),
      capacityRange: range(random),
      volumeCapabilities: [capability(random)],
      parameters: random.pick<object>([{}, { pool: 'fast' }, { pool: 'slow', stripes: '2' }]),
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
  '/quarry.admin.v1.Admin/DeleteOrphan': (random) => ({ id: random.pick(ids), node: victim }),
  '/quarry.node.v1.Volumes/Create': (random) => ({
    spec: {
      name: random.pick(names),
      pool: random.pick(['fast', 'slow']),
      layout: { thick: { stripes: 1, stripeSize: '65536' } },
      size: { required: String(2n ** 20n) },
      qos: {},
    },
  }),
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
