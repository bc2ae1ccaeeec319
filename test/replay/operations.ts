import { MiB } from '../support/driver.ts';
import { run, runScript } from './run.ts';
import { encryptedOperations } from './encrypted-operations.ts';
import { filesystemOperations } from './filesystem-operations.ts';
import { inlineOperations } from './inline-operations.ts';
import { leavingOperations } from './leaving-operations.ts';
import { pulledOperations } from './pulled-operations.ts';
import { zeroingOperations } from './zeroing-operations.ts';
import type { Node } from './node.ts';
import { create, idOf, made, type Operation, untilErased } from './operation.ts';

/** A volume of the base. */
interface BaseVolume {
  readonly name: string;
  readonly type: 'thin' | 'thick';
  readonly size: number;
  /** So many bytes from its start have content, which is compared after each cut. */
  readonly written: number;
}

const both = ['thin', 'thick'] as const;
/** The least that mkfs.xfs accepts. */
const xfsSize = 300 * MiB;

const size = made.written;

/** The base has these, so that each operation has something to change and something to leave alone. */
export const baseVolumes: readonly BaseVolume[] = both.flatMap((type) => [
  { name: `kept-${type}`, type, size, written: size },
  { name: `grown-${type}`, type, size, written: MiB },
  { name: `blank-${type}`, type, size: type === 'thin' ? xfsSize : 16 * MiB, written: 0 },
]);

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
    call: (node: Node) => expand(node, `grown-${type}`),
  })),
  {
    name: 'delete-mirrored',
    prepare: mirrored,
    call: (node) => node.client.controller.deleteVolume({ volumeId: idOf('mirrored') }),
  },
  {
    name: 'expand-mirrored',
    prepare: mirrored,
    call: (node) => expand(node, 'mirrored'),
  },
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
  ...both.map(groupSnapshot),
  ...both.map(deleteGroupSnapshot),
  ...filesystemOperations,
  ...encryptedOperations,
  ...inlineOperations,
  ...zeroingOperations,
  ...(['zero', 'discard'] as const).map(deleteErased),
  { name: 'grow-metadata', configuration: 'growing metadata', prepare: fillMetadata },
  { name: 'take-disk', configuration: 'one disk more' },
  ...leavingOperations,
  ...pulledOperations,
  { name: 'extend-pool', configuration: 'larger pool' },
  { name: 'create-pool', configuration: 'one pool more' },
  { name: 'create-mirrored-pool', configuration: 'one mirrored pool more' },
];

/** Devices that LVM does not know fill half of the thin pool's metadata. */
async function fillMetadata(): Promise<void> {
  const add = `for id in $(seq 1000000 1000600); do dmsetup message qmain-thinpool-tpool 0 "create_thin $id"; done`;
  await runScript(add);
}

/** The deletion of a thick volume whose content is erased: it exists until it is renamed, and its space is free when a job has erased it. */
function deleteErased(erase: 'zero' | 'discard'): Operation {
  const name = `erase-${erase}`;
  return {
    name,
    prepare: (node) => create(node, name, size, { type: 'thick', erase }),
    call: (node) => node.client.controller.deleteVolume({ volumeId: idOf(name) }),
    verify: async () => {
      await untilErased();
      return [];
    },
  };
}

function mirrored(node: Node) {
  return create(node, 'mirrored', size, { type: 'thick', mirrors: '1' });
}

function expand(node: Node, name: string) {
  const capacityRange = { requiredBytes: `${2 * size}` };
  return node.client.controller.controllerExpandVolume({ volumeId: idOf(name), capacityRange });
}

function snapshot(node: Node, name: string, type: 'thin' | 'thick') {
  return node.client.controller.createSnapshot({ name, sourceVolumeId: idOf(`kept-${type}`) });
}

function groupSnapshot(type: 'thin' | 'thick'): Operation {
  return { name: `group-snapshot-${type}`, call: (node) => snapshotGroup(node, type) };
}

/** A cut may leave one of the two members: the repeated call removes it. */
function deleteGroupSnapshot(type: 'thin' | 'thick'): Operation {
  let groupSnapshotId = '';
  let snapshotIds: string[] = [];
  return {
    name: `delete-group-snapshot-${type}`,
    async prepare(node) {
      const { groupSnapshot: taken } = await snapshotGroup(node, type);
      groupSnapshotId = taken?.groupSnapshotId ?? '';
      snapshotIds = taken?.snapshots.map(({ snapshotId }) => snapshotId) ?? [];
    },
    call: ({ client }) => client.groupController.deleteVolumeGroupSnapshot({ groupSnapshotId, snapshotIds }),
    parts: [0, 1].map((member) => async () => {
      const tag = `@quarry.id=${snapshotIds[member]}`;
      await run('lvremove', '-y', '-qq', tag);
    }),
  };
}

function snapshotGroup({ client }: Node, type: 'thin' | 'thick') {
  const sourceVolumeIds = [`kept-${type}`, `grown-${type}`].map(idOf);
  return client.groupController.createVolumeGroupSnapshot({ name: 'late', sourceVolumeIds });
}
