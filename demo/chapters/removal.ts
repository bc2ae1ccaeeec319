import { status } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../machine.ts';
import type { BlockVolume } from './block.ts';
import { type Room, showRoom } from './disks.ts';
import { expectListed, type FilesystemVolume } from './filesystem.ts';

type AnyVolume = FilesystemVolume | BlockVolume;

export async function removeAll(
  machine: Machine,
  before: Room,
  database: FilesystemVolume,
  block: BlockVolume,
): Promise<void> {
  const { csi, scene } = machine;
  scene.chapter('Nothing in use is deleted');
  const request = { volumeId: database.id };
  const remove = () => csi.controller.deleteVolume(request);
  await machine.refused('DeleteVolume', status.FAILED_PRECONDITION, request, remove);
  machine.scene.claim('a volume that is mounted stays');

  scene.chapter('Unpublished, unstaged and deleted, the space is free again');
  for (const volume of [database, block]) await withdraw(machine, volume);
  await expectListed(machine, []);
  await awaitFreeData(machine);
  await machine.shell('lvs -o lv_name,lv_size,data_percent quarry-fast');
  const after = await showRoom(machine);
  machine.claim('capacity is what it was', after.thin === before.thin && after.thick === before.thick, after.thin);
  machine.claim('and so is the free space of the group', after.groupFree === before.groupFree, after.groupFree);
}

async function withdraw(machine: Machine, { id, staging, target }: AnyVolume): Promise<void> {
  const { controller, node } = machine.csi;
  const published = { volumeId: id, targetPath: target };
  const staged = { volumeId: id, stagingTargetPath: staging };
  await machine.call('NodeUnpublishVolume', published, (message) => node.nodeUnpublishVolume(message));
  await machine.call('NodeUnstageVolume', staged, (message) => node.nodeUnstageVolume(message));
  await machine.call('DeleteVolume', { volumeId: id }, (message) => controller.deleteVolume(message));
}

/** Of the pool's 194,880 blocks; a real leak would be a whole volume. */
const miscountedAtMost = 128;

/**
 * The kernel counts a thin pool's blocks at its next commit, a second later at most. It goes on counting the blocks that were being
 * allocated when the power was cut, although thin_check has freed them: see docs/explanation/crashes.md.
 */
async function awaitFreeData(machine: Machine): Promise<void> {
  const question = 'dmsetup status quarry--fast-thinpool-tpool';
  const used = async () => parseInt((await machine.guest.shell(question)).split(' ')[5] ?? '', 10);
  for (let tries = 0; tries < 30 && (await used()) > 0; tries += 1) await sleep(100);
  const left = await used();
  const but = left === 0 ? '' : ` but ${left} blocks that were being allocated at the power cut`;
  machine.claim(`the thin pool has no data${but}`, left <= miscountedAtMost, `${left} blocks`);
}
