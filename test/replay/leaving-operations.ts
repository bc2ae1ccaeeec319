import { setTimeout as delay } from 'node:timers/promises';
import type { DiskErasure } from '../../src/domain/erasure.ts';
import { diskPaths } from './disks.ts';
import type { Node } from './node.ts';
import type { Operation } from './operation.ts';
import { emptyDisk, moveTo, physicalVolumes } from './physical-volumes.ts';
import { runScript } from './run.ts';

const volume = 'kept-thick';
/** The disk that leaves: the volume alone is on it, because all that moves is in the log. */
let leaving = '';

async function occupyEmptyDisk(): Promise<void> {
  leaving = await emptyDisk();
  await moveTo(leaving, volume);
}

/** Everything on a disk moves to the others, and the disk may leave its group then: a tag of the disk lets each start go on with it. */
export const leavingOperations: readonly Operation[] = [
  { name: 'evacuate-disk', prepare: occupyEmptyDisk, call: empty },
  { name: 'leave-disk', prepare: occupyEmptyDisk, call: (node) => leave(node) },
  {
    // A small one: what is erased is in the log.
    name: 'leave-disk-erased',
    configuration: 'one disk more',
    async prepare() {
      leaving = diskPaths[4] as string;
      await moveTo(leaving, volume);
    },
    call: (node) => leave(node, 'zero'),
    async verify() {
      const found = await runScript(`grep -a -c 'content of ${volume}' ${leaving} || true`);
      return found.trim() === '0' ? [] : [`${leaving} was erased, and has ${found.trim()} lines of ${volume}`];
    },
  },
];

async function empty(node: Node): Promise<void> {
  await node.evacuate(leaving, { remove: false });
  while ((await emptyDisk()) !== leaving) await delay(100);
}

async function leave(node: Node, erase?: DiskErasure): Promise<void> {
  await mark(node, erase);
  while (await isMember(leaving)) await delay(100);
}

/** The disk may leave meanwhile, if it was marked before the cut. */
async function mark(node: Node, erase?: DiskErasure): Promise<void> {
  if (!(await isMember(leaving))) return;
  try {
    await node.evacuate(leaving, { remove: true, ...(erase && { erase }) });
  } catch (error) {
    if (await isMember(leaving)) throw error;
  }
}

async function isMember(device: string): Promise<boolean> {
  return (await physicalVolumes('pv_name,vg_name')).some(([name, group]) => name === device && group === 'qmain');
}
