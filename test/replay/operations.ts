import { capabilities, MiB, volumeRequest } from '../support/driver.ts';
import { run } from './disks.ts';
import { type Configuration, type Node, stagingOf } from './node.ts';

/** Something that the driver does in the middle of which the power is cut. */
export interface Operation {
  readonly name: string;
  /** What the driver is given; default: `base`. With another one, the operation is its start. */
  readonly configuration?: Configuration;
  /** Calls before the operation, which are never cut off. */
  readonly prepare?: (node: Node) => Promise<unknown>;
  /** The call, which may be repeated; none if the start is all. */
  readonly call?: (node: Node) => Promise<unknown>;
  /** Problems of the result after the repeated call. */
  readonly verify?: (node: Node) => Promise<readonly string[]>;
}

/** A volume of the base. */
interface BaseVolume {
  readonly name: string;
  readonly type: 'thin' | 'thick';
  readonly size: number;
  /** So many bytes from its start have content, which is compared after each cut. */
  readonly written: number;
}

const both = ['thin', 'thick'] as const;
const size = 8 * MiB;
/** The least that mkfs.xfs accepts. */
const xfsSize = 300 * MiB;

/** The base has these, so that each operation has something to change and something to leave alone. */
export const baseVolumes: readonly BaseVolume[] = both.flatMap((type) => [
  { name: `kept-${type}`, type, size, written: size },
  { name: `grown-${type}`, type, size, written: MiB },
  { name: `blank-${type}`, type, size: type === 'thin' ? xfsSize : 16 * MiB, written: 0 },
]);

function idOf(name: string): string {
  return `node-1:${name}`;
}

/** The volume that operations make, and how many bytes of it are compared. */
export const made = { name: 'new', written: size } as const;

export function create(node: Node, name: string, bytes: number, parameters: Record<string, string>, from = {}) {
  return node.client.controller.createVolume(
    volumeRequest(name, bytes, { parameters: { pool: 'main', ...parameters }, ...from }),
  );
}

const checkers = { ext4: ['e2fsck', '-fn'], xfs: ['xfs_repair', '-n'] } as const;
const limits = { readIops: '500', writeIops: 'max' };

export const operations: readonly Operation[] = [
  ...both.map((type) => ({ name: `create-${type}`, call: (node: Node) => create(node, made.name, size, { type }) })),
  { name: 'create-striped', call: (node) => create(node, made.name, size, { type: 'thick', stripes: '2' }) },
  { name: 'create-mirrored', call: (node) => create(node, made.name, size, { type: 'thick', mirrors: '1' }) },
  ...both.map((type) => ({
    name: `delete-${type}`,
    call: (node: Node) => node.client.controller.deleteVolume({ volumeId: idOf(`blank-${type}`) }),
  })),
  ...both.map((type) => ({
    name: `expand-${type}`,
    call: (node: Node) =>
      node.client.controller.controllerExpandVolume({
        volumeId: idOf(`grown-${type}`),
        capacityRange: { requiredBytes: `${2 * size}` },
      }),
  })),
  ...both.map((type) => ({
    name: `modify-${type}`,
    call: (node: Node) =>
      node.client.controller.controllerModifyVolume({ volumeId: idOf(`kept-${type}`), mutableParameters: limits }),
  })),
  ...both.map((type) => ({ name: `snapshot-${type}`, call: (node: Node) => snapshot(node, 'snapshot-late', type) })),
  ...both.map((type) => ({
    name: `delete-snapshot-${type}`,
    prepare: (node: Node) => snapshot(node, 'snapshot-early', type),
    call: (node: Node) => node.client.controller.deleteSnapshot({ snapshotId: idOf('snap-early') }),
  })),
  ...both.map((type) => ({
    name: `restore-${type}`,
    prepare: (node: Node) => snapshot(node, 'snapshot-early', type),
    call: (node: Node) =>
      create(
        node,
        made.name,
        size,
        { type },
        { volumeContentSource: { snapshot: { snapshotId: idOf('snap-early') } } },
      ),
  })),
  ...both.map((type) => ({
    name: `clone-${type}`,
    call: (node: Node) =>
      create(node, made.name, size, { type }, { volumeContentSource: { volume: { volumeId: idOf(`kept-${type}`) } } }),
  })),
  {
    name: 'group-snapshot',
    call: (node) =>
      node.client.groupController.createVolumeGroupSnapshot({
        name: 'late',
        sourceVolumeIds: ['kept-thin', 'grown-thin'].map(idOf),
      }),
  },
  ...both.map((type) => stage(`stage-ext4-${type}`, `blank-${type}`, 'ext4')),
  stage('stage-xfs', 'blank-thin', 'xfs'),
  { name: 'take-disk', configuration: 'one disk more' },
  { name: 'extend-pool', configuration: 'larger pool' },
  { name: 'create-pool', configuration: 'one pool more' },
];

function snapshot(node: Node, name: string, type: 'thin' | 'thick') {
  return node.client.controller.createSnapshot({ name, sourceVolumeId: idOf(`kept-${type}`) });
}

function stage(name: string, volume: string, fsType: 'ext4' | 'xfs'): Operation {
  const [checker, option] = checkers[fsType];
  const where = { volumeId: idOf(volume), stagingTargetPath: stagingOf(volume) };
  const volumeCapability = { mount: { fsType }, accessMode: capabilities.ext4.accessMode };
  return {
    name,
    call: (node) => node.client.node.nodeStageVolume({ ...where, volumeCapability }),
    async verify(node) {
      await node.client.node.nodeUnstageVolume(where);
      try {
        await run('lvchange', '-ay', `qmain/${volume}`);
        await run(checker, option, `/dev/mapper/qmain-${volume.replaceAll('-', '--')}`);
        return [];
      } catch (error) {
        return [`${checker} finds: ${String(error)}`];
      }
    },
  };
}
