import { createLocks } from '../../src/concurrency/locks.ts';
import { GiB } from '../../src/domain/bytes.ts';
import { Failure } from '../../src/domain/errors.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../support/memory-storage.ts';
import { FakeNode } from '../unit/node/fake-node.ts';
import { victim } from './subjects.ts';

/** A node whose volumes and mounts are in memory and belong together: what is mounted cannot be deleted. */
export interface VictimNode {
  readonly storage: MemoryStorage;
  readonly machine: FakeNode;
  readonly locks: ReturnType<typeof createLocks>;
}

/** @param changed called after each change of the volumes */
export function createVictim(changed: () => void): VictimNode {
  const locks = createLocks();
  const storage = new MemoryStorage(
    victim,
    [emptyPool(thickSpec('fast'), 100n * GiB), emptyPool(thickSpec('slow'), 50n * GiB)],
    locks,
  );
  const machine = new FakeNode();
  storage.interrupt = async (operation, when, id) => {
    const volume = storage.volumes.get(id);
    if (operation !== 'remove' || when !== 'before' || !volume || !machine.isOpen(volume.lv)) return;
    throw new Failure('precondition', `volume ${id} is in use`);
  };
  storage.changed = () => {
    follow(storage, machine);
    changed();
  };
  return { storage, machine, locks };
}

/** Gives the machine a disk for each volume. */
function follow(storage: MemoryStorage, machine: FakeNode): void {
  const volumes = [...storage.volumes.values()];
  for (const lv of machine.disks.keys()) if (!volumes.some((volume) => volume.lv === lv)) machine.removeVolume(lv);
  for (const { lv, size } of volumes) {
    const disk = machine.disks.get(lv);
    if (disk) disk.size = size;
    else machine.addVolume(lv, { size });
  }
}
