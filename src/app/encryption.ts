import { readFile } from 'node:fs/promises';
import type { Layer } from '../block/layer.ts';
import { encryptionProblem } from '../block/luks/ability.ts';
import { createCryptsetup } from '../block/luks/cryptsetup.ts';
import { createLuksLayer } from '../block/luks/layer.ts';
import { createQueue } from '../concurrency/queue.ts';
import type { NodeVolumes } from '../domain/storage.ts';
import { runInstalled } from '../exec/installed.ts';
import { deviceNumberOf, deviceSize } from '../kernel/block-device.ts';
import { probe } from '../mount/probe.ts';
import type { Local } from './local.ts';

/** Milliseconds for each program that shows whether this machine can encrypt. */
const deadline = 10_000;

/** See `encryptionProblem`. */
export function machineEncryptionProblem({ run, hosted }: Pick<Local, 'run' | 'hosted'>): Promise<string | undefined> {
  return encryptionProblem({
    runHosted: ([program, ...words]) => runInstalled(run, [...hosted(program), ...words], deadline),
    readFile: (path) => readFile(path, 'utf8'),
  });
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
