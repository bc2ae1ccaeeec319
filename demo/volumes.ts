import { bootGuest } from '../lab/lab.ts';
import { shareBlock } from './chapters/block.ts';
import { approveDisks } from './chapters/disks.ts';
import { createAndUse, expandWhileWriting, listVolumes } from './chapters/filesystem.ts';
import { survivePowerCut } from './chapters/power.ts';
import { removeAll } from './chapters/removal.ts';
import { Machine } from './machine.ts';
import type { Scene } from './scene.ts';

/** The main demo: two blank disks become volumes, and the volumes become free space again. */
export async function showVolumes(scene: Scene, onMachine: (machine: Machine) => void): Promise<void> {
  scene.title(
    'Quarry',
    'raw disks → volume group → Kubernetes volumes, in a virtual machine with a real kernel and LVM',
  );
  await using guest = await bootGuest({ name: 'node-1', disks: ['10G', '10G'] });
  const machine = new Machine(guest, scene);
  onMachine(machine);
  const before = await approveDisks(machine);
  const database = await createAndUse(machine, before);
  await expandWhileWriting(machine, database);
  const block = await shareBlock(machine);
  await listVolumes(machine, [database.id, block.id]);
  await survivePowerCut(machine, database, block);
  await removeAll(machine, before, database, block);
  machine.close();
}
