import type { Machine } from '../machine.ts';
import { type BlockVolume, blockChecksum } from './block.ts';
import { checksum, expectListed, type FilesystemVolume, stageAndPublish } from './filesystem.ts';

export async function survivePowerCut(machine: Machine, database: FilesystemVolume, block: BlockVolume): Promise<void> {
  const { guest, scene } = machine;
  scene.chapter('The power is cut');
  const before = [await checksum(machine), await blockChecksum(machine)];
  await machine.cutPower();
  scene.say('power off, no shutdown; power on');
  await guest.boot();
  const mounts = await guest.shell('cat /proc/mounts');
  machine.claim('after the boot nothing is mounted', !mounts.includes('/dev/mapper'), mounts);

  scene.chapter('Everything comes back, from LVM alone');
  const ready = await machine.startDriver();
  scene.say(`quarry all started; ready after ${ready.toFixed(0)} ms`);
  await expectListed(machine, [database.id, block.id]);
  await stageAndPublish(machine, database);
  await stageAndPublish(machine, block);
  const after = [await checksum(machine), await blockChecksum(machine)];
  machine.claim('both volumes have the same content, bit for bit', after.join() === before.join(), after.join('\n'));
}
