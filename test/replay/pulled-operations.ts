import { setTimeout as delay } from 'node:timers/promises';
import { MiB } from '../support/driver.ts';
import type { Node } from './node.ts';
import { create, type Operation } from './operation.ts';
import { emptyDisk, moveTo } from './physical-volumes.ts';
import { run } from './run.ts';

const volume = 'mirrored';
/** The disk that is pulled: one copy of the volume alone is on it, because the other volumes would be lost. */
let pulled = '';

/** A disk under a mirrored volume answers no more. The driver makes the copy on another disk, and takes the missing one out of the group. */
export const pulledOperations: readonly Operation[] = [
  {
    name: 'repair-mirror',
    configuration: 'missing disks given up',
    async prepare(node) {
      pulled = await emptyDisk();
      await create(node, volume, 8 * MiB, { type: 'thick', mirrors: '1' });
      await moveTo(pulled, volume, [`${volume}_rimage_0`, `${volume}_rimage_1`]);
    },
    pulls: () => pulled,
    call: untilWhole,
  },
];

/** The driver looks at its disks once a day here: a person lets it look now. */
async function untilWhole(node: Node): Promise<void> {
  while (!(await isWhole())) {
    node.rescan();
    await delay(500);
  }
}

async function isWhole(): Promise<boolean> {
  const fields = 'vg_missing_pv_count,lv_health_status,sync_percent';
  const report = await run('lvs', '-qq', '--noheadings', '--separator', '|', '-o', fields, `qmain/${volume}`);
  return report.trim() === '0||100.00';
}
