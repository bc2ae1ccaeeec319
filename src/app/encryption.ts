import { readFile } from 'node:fs/promises';
import type { Layer } from '../block/layer.ts';
import { inabilityOf } from '../block/luks/ability.ts';
import { createCryptsetup } from '../block/luks/cryptsetup.ts';
import { createLuksLayer } from '../block/luks/layer.ts';
import { createQueue } from '../concurrency/queue.ts';
import type { Bytes } from '../domain/bytes.ts';
import type { NodeVolumes } from '../domain/storage.ts';
import { runInstalled } from '../exec/installed.ts';
import { deviceNumberOf, deviceSize } from '../kernel/block-device.ts';
import type { KernelView } from '../kernel/device-targets.ts';
import { type CopyPace, copyContent, nothingWritten } from '../lvm/copies/copy-content.ts';
import { createFirstZeros } from '../lvm/copies/copy-range.ts';
import { createDevices } from '../lvm/devices.ts';
import { createZeroCheck, type KeyDestruction } from '../lvm/erasure/key-destruction.ts';
import { probe } from '../mount/probe.ts';
import type { Local } from './local.ts';

/** Milliseconds for each program that shows whether this machine can encrypt. */
const deadline = 10_000;

/** Finds out whether this machine can encrypt, until it can: after that, a stage says what is missing. */
export function createEncryptionLook({ run, hosted, cache }: Pick<Local, 'run' | 'hosted' | 'cache'>) {
  let able = false;
  return async (): Promise<void> => {
    if (able) return;
    const view: KernelView = {
      runHosted: ([program, ...words]) => runInstalled(run, [...hosted(program), ...words], deadline),
      readFile: (path) => readFile(path, 'utf8'),
    };
    cache.inability = await inabilityOf(view);
    able = cache.inability.encryption === undefined && cache.inability.integrity === undefined;
  };
}

/** Destroys the keys of this machine's encrypted volumes that are deleted. */
export function createKeyDestruction({ run, hosted }: Pick<Local, 'run' | 'hosted'>): KeyDestruction {
  const cryptsetup = createCryptsetup({ run, hosted });
  return { destroy: (device) => cryptsetup.destroyKeys(device), verify: createZeroCheck(run) };
}

/** The layer of this machine's encrypted volumes. @param rate bytes per second at which a volume with integrity is written for the first time, at most */
export function createMachineLuks(
  { run, hosted, patience }: Pick<Local, 'run' | 'hosted' | 'patience'>,
  volumes: Pick<NodeVolumes, 'recordHeader' | 'recordRotation'>,
  rate: Bytes,
): Layer {
  const firstZeros = { range: createFirstZeros(run, createDevices(run, patience)), rate };
  return createLuksLayer({
    cryptsetup: createCryptsetup({ run, hosted }),
    probe: async (device, id) => probe({ run, patience }, device, await deviceSize(device), id),
    recordHeader: (id) => volumes.recordHeader(id),
    recordRotation: (id) => volumes.recordRotation(id, Date.now()),
    writeAll: (to, size) => writeZeros(to, size, firstZeros),
    queue: createQueue(),
    kernel: { deviceNumberOf, deviceSize },
  });
}

/** A stage that its caller has left goes on: of a large volume it takes longer than a caller waits. */
async function writeZeros(to: string, size: Bytes, { range, rate }: Pick<CopyPace, 'range' | 'rate'>): Promise<void> {
  const pace = { range, rate, record: async () => undefined, recordEvery: Number.POSITIVE_INFINITY };
  const content = { to, size, sparse: false, map: nothingWritten, copied: 0n };
  await copyContent(content, { ...pace, progress: () => undefined }, new AbortController().signal);
}
