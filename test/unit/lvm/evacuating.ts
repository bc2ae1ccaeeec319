import { endingRunner } from '../block/ending-runner.ts';
import { MiB } from '../../../src/domain/bytes.ts';
import { DiskRemoval } from '../../../src/lvm/disk-removal.ts';
import { Erasures } from '../../../src/lvm/erasure/erasures.ts';
import { Evacuation } from '../../../src/lvm/evacuation/evacuation-job.ts';
import { LeavingDisks } from '../../../src/lvm/evacuation/leaving-disks.ts';
import { memoryLog } from '../grpc/harness.ts';
import type { FakeDisks } from './fake-disks.ts';
import { spec } from './fake-lvm.ts';
import { fakeStorage, fakeWriter } from './fake-storage.ts';

const bounds = { total: 5, creation: 1, copy: 1, erase: 1, repair: 1, evacuation: 1 };

interface Given {
  readonly reserve?: bigint;
  readonly stalledAfter?: number | undefined;
}

/** A process over the LVM, with the jobs that evacuate and erase. Flushes and erasures are listed with the commands. */
export async function launchEvacuation(lvm: FakeDisks, { reserve = 0n, stalledAfter = 60_000 }: Given = {}) {
  const { cache } = fakeStorage({ lvm: lvm as never, pool: { ...spec, reserve } });
  await cache.refresh();
  const { commands } = lvm.lvm;
  const flush = async (device: string) => void commands.push(['flush', device]);
  const erase = async ({ to, offset, size }: { to: string; offset: bigint; size: bigint }) =>
    void commands.push(['erase', to, `${offset}+${size}`]);
  const writer = fakeWriter(lvm, cache);
  const leaving = new LeavingDisks({ lvm, cache, writer });
  const removal = new DiskRemoval({ cache, writer });
  const { log } = memoryLog();
  const rate = 1024n * MiB;
  const shared = { lvm, cache, writer };
  const endLeftProcesses = async (device: string) => {
    commands.push(['end', device]);
    return 0;
  };
  const pace = { devices: { flush }, endLeftProcesses, rate, interval: 1, stalledAfter };
  const erasing = { zero: erase, discard: erase, keys: {} as never, rate, log, record: 0 };
  const sources = [new Evacuation({ ...shared, ...pace, leaving, removal, log }), new Erasures({ ...shared, erasing })];
  return { jobs: endingRunner({ sources, bounds, log }), leaving, cache };
}
