import { capabilities } from '../support/driver.ts';
import { type Node, stagingOf } from './node.ts';
import { deviceOf, idOf, type Operation } from './operation.ts';
import { run } from './run.ts';

const checkers = {
  ext4: ['e2fsck', '-fn'],
  xfs: ['xfs_repair', '-n'],
  btrfs: ['btrfs', 'check', '--readonly'],
} as const;
type Filesystem = keyof typeof checkers;

/** A volume without content, and the filesystem that it gets. */
interface Blank {
  readonly volume: `blank-${'thin' | 'thick'}`;
  readonly fsType: Filesystem;
}

/** The first stage of a volume, and its growth while it is staged, which ends with the filesystem. */
export const filesystemOperations: readonly Operation[] = [
  stage('stage-ext4-thin', { volume: 'blank-thin', fsType: 'ext4' }),
  stage('stage-ext4-thick', { volume: 'blank-thick', fsType: 'ext4' }),
  stage('stage-xfs', { volume: 'blank-thin', fsType: 'xfs' }),
  stage('stage-btrfs', { volume: 'blank-thin', fsType: 'btrfs' }),
  grow('grow-ext4', { volume: 'blank-thick', fsType: 'ext4' }),
  grow('grow-xfs', { volume: 'blank-thin', fsType: 'xfs' }),
  grow('grow-btrfs', { volume: 'blank-thin', fsType: 'btrfs' }),
];

function stage(name: string, blank: Blank): Operation {
  return { name, call: (node) => staged(node, blank), verify: (node) => check(node, blank) };
}

function grow(name: string, blank: Blank): Operation {
  const volumeId = idOf(blank.volume);
  const volumePath = stagingOf(blank.volume);
  const bytesOf = async (node: Node): Promise<number> => {
    const { usage } = await node.client.node.nodeGetVolumeStats({ volumeId, volumePath });
    return Number(usage.find(({ unit }) => unit === 'BYTES')?.total);
  };
  let before = 0;
  let size = 0;
  return {
    name,
    async prepare(node) {
      await staged(node, blank);
      before = await bytesOf(node);
      size = 2 * Number(await run('blockdev', '--getsize64', deviceOf(blank.volume)));
      await node.client.controller.controllerExpandVolume({ volumeId, capacityRange: { requiredBytes: `${size}` } });
    },
    async call(node) {
      await staged(node, blank);
      await node.client.node.nodeExpandVolume({ volumeId, volumePath, capacityRange: { requiredBytes: `${size}` } });
    },
    async verify(node) {
      const after = await bytesOf(node);
      const small = after > 1.5 * before ? [] : [`the filesystem has ${after} bytes, and ${before} before`];
      return [...small, ...(await check(node, blank))];
    },
  };
}

function staged({ client }: Node, { volume, fsType }: Blank) {
  const volumeCapability = { mount: { fsType }, accessMode: capabilities.ext4.accessMode };
  return client.node.nodeStageVolume({ ...placeOf(volume), volumeCapability });
}

/** Unstages the volume, and returns what the filesystem's own program finds. */
async function check({ client }: Node, { volume, fsType }: Blank): Promise<string[]> {
  await client.node.nodeUnstageVolume(placeOf(volume));
  const [program, ...options] = checkers[fsType];
  try {
    await run('lvchange', '-ay', `qmain/${volume}`);
    await run(program, ...options, deviceOf(volume));
    return [];
  } catch (error) {
    return [`${program} finds: ${String(error)}`];
  }
}

function placeOf(volume: string) {
  return { volumeId: idOf(volume), stagingTargetPath: stagingOf(volume) };
}
