import { readFile } from 'node:fs/promises';
import type { Layer } from '../block/layer.ts';
import { encryptionProblem } from '../block/luks/ability.ts';
import { createCryptsetup } from '../block/luks/cryptsetup.ts';
import { createLuksLayer } from '../block/luks/layer.ts';
import { createQueue } from '../concurrency/queue.ts';
import type { NodeVolumes } from '../domain/storage.ts';
import { runInstalled } from '../exec/installed.ts';
import { deviceNumberOf, deviceSize } from '../kernel/block-device.ts';
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
    cache.encryptionProblem = await encryptionProblem({
      runHosted: ([program, ...words]) => runInstalled(run, [...hosted(program), ...words], deadline),
      readFile: (path) => readFile(path, 'utf8'),
    });
    able = cache.encryptionProblem === undefined;
  };
}

/** Destroys the keys of this machine's encrypted volumes that are deleted. */
export function createKeyDestruction({ run, hosted }: Pick<Local, 'run' | 'hosted'>): KeyDestruction {
  const cryptsetup = createCryptsetup({ run, hosted });
  return { destroy: (device) => cryptsetup.destroyKeys(device), verify: createZeroCheck(run) };
}

/** The layer of this machine's encrypted volumes. */
export function createMachineLuks(
  { run, hosted, patience }: Pick<Local, 'run' | 'hosted' | 'patience'>,
  volumes: Pick<NodeVolumes, 'recordHeader' | 'recordRotation'>,
): Layer {
  return createLuksLayer({
    cryptsetup: createCryptsetup({ run, hosted }),
    probe: async (device, id) => probe({ run, patience }, device, await deviceSize(device), id),
    recordHeader: (id) => volumes.recordHeader(id),
    recordRotation: (id) => volumes.recordRotation(id, Date.now()),
    queue: createQueue(),
    kernel: { deviceNumberOf, deviceSize },
  });
}
