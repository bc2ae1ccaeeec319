import { createLocks } from '../../src/concurrency/locks.ts';
import { GiB, MiB } from '../../src/domain/bytes.ts';
import { Failure } from '../../src/domain/errors.ts';
import type { PoolName, VolumeId } from '../../src/domain/ids.ts';
import { noQos } from '../../src/domain/qos.ts';
import type { Snapshot } from '../../src/domain/snapshot.ts';
import type { Volume, VolumeSpec } from '../../src/domain/volume.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../support/memory-storage.ts';
import { FakeNode } from '../unit/node/fake-node.ts';
import { groupNames, snapshotNames, victim } from './subjects.ts';

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
    [emptyPool(thickSpec('fast'), 100n * GiB), emptyPool(thickSpec('slow'), 50n * GiB), thinPool()],
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

function thinPool() {
  const thin = { share: 100, overprovision: 1000, refuseAt: 90 };
  const pool = emptyPool(thickSpec('thin', { type: 'thin', thin }), 100n * GiB);
  return { ...pool, thin: { size: 100n * GiB, promised: 0n, dataPercent: 1, metadataPercent: 1 } };
}

/**
 * Makes those of the following that are not there: two thin volumes, a snapshot of one and a group of both, a thick volume, a snapshot of it, and a copy of
 * that in progress. Throws a `Failure` where hostile calls have left something else.
 */
export async function furnish({ storage }: VictimNode): Promise<void> {
  const thin = [await make(storage, 'thin-0', 'thin'), await make(storage, 'thin-1', 'thin')];
  const thick = await make(storage, 'thick-0', 'fast');
  await snapshotOf(storage, 0, thin[0]);
  const snapshot = await snapshotOf(storage, 1, thick);
  const [name = ''] = groupNames;
  await storage.groupSnapshots.take({ name, sources: thin.map(({ id }) => id) });
  // One that a request made may have snapshots, as no copy in progress has.
  if (storage.volumes.has(`${victim}:copy-0` as VolumeId)) return;
  const copy = await make(storage, 'copy-0', 'fast');
  storage.volumes.set(copy.id, { ...copy, source: { snapshot: snapshot.id }, state: 'copying' });
}

async function make(storage: MemoryStorage, name: string, pool: string): Promise<Volume> {
  const there = storage.volumes.get(`${victim}:${name}` as VolumeId);
  if (there) return there;
  const thick = { type: 'thick', stripes: 1, stripeSize: 65_536n, mirrors: 0 } as const;
  const layout = pool === 'thin' ? ({ type: 'thin' } as const) : thick;
  const spec: VolumeSpec = {
    name,
    pool: pool as PoolName,
    layout,
    size: { required: 64n * MiB },
    mkfsOptions: [],
    qos: noQos,
  };
  return storage.create(spec, new AbortController().signal);
}

async function snapshotOf(storage: MemoryStorage, index: number, volume: Volume | undefined): Promise<Snapshot> {
  return storage.snapshots.take({ name: snapshotNames[index] ?? '', source: volume?.id as VolumeId });
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
