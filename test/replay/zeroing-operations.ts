import { MiB, untilDone } from '../support/driver.ts';
import type { Node } from './node.ts';
import { create, deviceOf, idOf, made, type Operation } from './operation.ts';
import { runScript } from './run.ts';

const size = made.written;
const former = 'former';
const grown = 'grown-thick';

/** Leaves the content of a deleted volume where the next one gets its extents. */
async function leaveContent(node: Node): Promise<void> {
  await untilDone(() => create(node, former, size, { type: 'thick' }));
  const fill = `yes 'content of ${former}' | dd of=${deviceOf(former)} bs=1M count=${size / MiB} iflag=fullblock oflag=direct`;
  await runScript(`${fill} status=none 2>/dev/null`);
  await node.client.controller.deleteVolume({ volumeId: idOf(former) });
}

async function problemsOf(name: string): Promise<string[]> {
  const found = (await runScript(`grep -a -c 'content of ${former}' ${deviceOf(name)} || true`)).trim();
  return found === '0' ? [] : [`${name} shows ${found} lines of a deleted volume`];
}

/** Thick volumes of a pool with zeroOnCreate: a job writes zeros over their room before it is theirs. */
export const zeroingOperations: readonly Operation[] = [
  {
    name: 'create-zeroed',
    configuration: 'zeros on creation',
    prepare: leaveContent,
    call: (node) => create(node, made.name, size, { type: 'thick' }),
    verify: () => problemsOf(made.name),
  },
  {
    name: 'expand-zeroed',
    configuration: 'zeros on creation',
    prepare: leaveContent,
    call: (node) =>
      node.client.controller.controllerExpandVolume({
        volumeId: idOf(grown),
        capacityRange: { requiredBytes: `${2 * size}` },
      }),
    verify: () => problemsOf(grown),
  },
];
