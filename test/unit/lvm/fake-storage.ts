import { createLocks } from '../../../src/concurrency/locks.ts';
import { createQueue } from '../../../src/concurrency/queue.ts';
import { maximum, MiB } from '../../../src/domain/bytes.ts';
import type { Erasure } from '../../../src/domain/erasure.ts';
import type { NodeName, VolumeId } from '../../../src/domain/ids.ts';
import { defaultLayout } from '../../../src/domain/pool.ts';
import { noQos } from '../../../src/domain/qos.ts';
import type { VolumeSpec } from '../../../src/domain/volume.ts';
import type { LeftMessages } from '../../../src/lvm/blocks/left-messages.ts';
import { InventoryCache } from '../../../src/lvm/cache.ts';
import { LostCopies } from '../../../src/lvm/mirrors/lost-copies.ts';
import { MissingDisks } from '../../../src/lvm/mirrors/missing-disks.ts';
import { LocalStorage } from '../../../src/lvm/storage.ts';
import type { CopiesTogether } from '../../../src/lvm/snapshots/copies-together.ts';
import type { Copying } from '../../../src/lvm/copies/copies.ts';
import type { CopiedRange } from '../../../src/lvm/copies/copy-range.ts';
import type { Devices } from '../../../src/lvm/devices.ts';
import { memoryLog } from '../grpc/harness.ts';
import type { Lvm } from '../../../src/lvm/process/lvm.ts';
import { createWriter, type Writer, type WriterOptions } from '../../../src/lvm/writer.ts';
import { FakeLvm, spec } from './fake-lvm.ts';
import { FakeThinPool, fakeThinMetadata } from './fake-thin-pool.ts';

export const idOf = (name: string) => `node-1:${name}` as VolumeId;

export function volume(name: string, size = 8n * MiB): VolumeSpec {
  return {
    name,
    pool: spec.name,
    layout: defaultLayout(spec, 'thick'),
    size: { required: size },
    mkfsOptions: [],
    qos: noQos,
  };
}

/** No change was cut off. */
export const noMessages: LeftMessages = { settle: async () => undefined, doubt: () => undefined };

/** The real writer over an LVM in memory, whose disks lose nothing. */
export function fakeWriter(lvm: Lvm, cache: InventoryCache, over: Partial<WriterOptions> = {}): Writer {
  return createWriter({
    lvm,
    cache,
    queue: createQueue(),
    readLocations: async () => new Map(),
    devices: { flush: async () => undefined },
    mend: async () => false,
    messages: noMessages,
    changed: () => undefined,
    ...over,
  });
}

const noCopies: CopiesTogether = { take: async () => 0, resume: async () => [], abandon: async () => undefined };

/** The real repair of lost copies over an LVM in memory; a missing disk is expected back until `patience` is over, in milliseconds. */
export function lostCopies(parts: { lvm: Lvm; cache: InventoryCache; writer: Writer }, patience = 0, now = Date.now) {
  const missing = new MissingDisks({ ...parts, patience, now });
  return { missing, lost: new LostCopies({ ...parts, missing, rate: 8n * MiB, interval: 1 }) };
}

/** Each step of a copy is recorded. */
const recordAll: Pick<Copying, 'record'> = { record: 0 };

/** A part of a logical volume that is erased. */
export type ErasedRange = CopiedRange & { readonly erasure: Erasure };

/** The real storage over an LVM in memory. `wiped`: the devices of which a wipe has begun; `copied`: the ranges of copies that have begun; `uses`: the uses of every device. */
export function fakeStorage({
  lvm = new FakeLvm(),
  pool = spec,
  boot = 'boot-1',
  duringWipe = async () => {},
  copies = noCopies,
  duringCopy = async (_range: CopiedRange, _signal: AbortSignal): Promise<void> => {},
  duringErasure = async (_range: ErasedRange, _signal: AbortSignal): Promise<void> => {},
  duringKeys = async (_step: 'destroy' | 'verify', _device: string): Promise<void> => {},
  copyWait = 10_000,
  pace = recordAll,
} = {}) {
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [pool]);
  const wiped: string[] = [];
  const uses: string[] = [];
  const flushed: string[] = [];
  const copied: CopiedRange[] = [];
  const { log, lines } = memoryLog();
  const devices: Devices = {
    exists: async () => true,
    async wipe(device) {
      wiped.push(device);
      await duringWipe();
    },
    flush: async (device) => void flushed.push(device),
    volumeLimit: () => 1,
  };
  const writer = fakeWriter(lvm, cache, { devices });
  const kernel = new FakeThinPool();
  const thinMetadata = fakeThinMetadata({ lvm, cache, writer }, kernel);
  const storage = new LocalStorage({
    node: 'node-1' as NodeName,
    boot,
    lvm,
    cache,
    locks: createLocks(),
    writer,
    thinMetadata,
    usesOf: async () => uses,
    devices,
    copies,
    copying: {
      async range(range, signal) {
        copied.push(range);
        await duringCopy(range, signal);
      },
      rate: maximum,
      log,
      wait: copyWait,
      ...pace,
    },
    erasing: {
      zero: (range, signal) => duringErasure({ ...range, erasure: 'zero' }, signal),
      discard: (range, signal) => duringErasure({ ...range, erasure: 'discard' }, signal),
      keys: {
        destroy: async (device) => duringKeys('destroy', device),
        verify: async (device) => duringKeys('verify', device),
      },
      rate: maximum,
      log,
      record: 0,
    },
  });
  return { lvm, cache, writer, storage, thinMetadata, kernel, wiped, flushed, uses, copied, lines };
}
