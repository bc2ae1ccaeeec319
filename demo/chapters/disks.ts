import { setTimeout as sleep } from 'node:timers/promises';
import { formatBytes } from '../../src/domain/bytes.ts';
import type { Machine } from '../machine.ts';

/** Bytes of the largest volume that could be made, and of the group's free space. */
export interface Room {
  readonly thin: bigint;
  readonly thick: bigint;
  readonly groupFree: string;
}

const config = `node: node-1
pools:
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: ["/dev/ubd*"], minSize: 5Gi }
    approve: manual
    thin: { share: 60%, overprovision: 2 }
`;

export async function approveDisks(machine: Machine): Promise<Room> {
  const { guest, scene } = machine;
  scene.chapter('Two blank disks are proposed, and nothing is touched');
  await machine.configure(config);
  await machine.shell('cat /etc/quarry/config.yaml');
  await machine.quarry('check');
  const ready = await machine.startDriver();
  scene.say(`quarry all started; ready after ${ready.toFixed(0)} ms`);
  await machine.logged('disk proposed');
  const proposed = await machine.quarry('disks');
  machine.claim('both disks match the rule and are proven blank', count(proposed, 'proposed') === 2, proposed);
  const groups = await guest.shell('vgs --noheadings');
  machine.claim('without approval there is no volume group', groups.trim() === '', groups);
  const none = await room(machine);
  machine.claim('and no capacity is offered', none.thin === 0n && none.thick === 0n);

  scene.chapter('The disks are approved and taken');
  const taken = await machine.quarry('disks', 'approve', '--all');
  machine.wakeDriver();
  machine.claim('both disks are members of the pool', count(taken, 'member') === 2, taken);
  await machine.shell('pvs -o pv_name,vg_name,pv_size,pv_uuid');
  await machine.shell('lvs -o lv_name,lv_size,lv_attr,data_percent,metadata_percent,lv_tags');
  const found = await showRoom(machine, await awaitRoom(machine));
  machine.claim('the capacity is that of the largest possible volume', found.thin > found.thick && found.thick > 0n);
  return found;
}

async function awaitRoom(machine: Machine): Promise<Room> {
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await room(machine);
    if (found.thin > 0n) return found;
    await sleep(100);
  }
  machine.check(false, 'the driver does not see the pool');
  return room(machine);
}

/** Reads the room without showing the calls. */
async function room({ csi, guest }: Machine): Promise<Room> {
  const [thin, thick] = [
    await csi.controller.getCapacity({ parameters: { type: 'thin' } }),
    await csi.controller.getCapacity({ parameters: { type: 'thick' } }),
  ];
  const groupFree = await guest.shell('vgs --noheadings -o vg_free --units b');
  return {
    thin: BigInt(thin.availableCapacity),
    thick: BigInt(thick.availableCapacity),
    groupFree: groupFree.trim(),
  };
}

export async function showRoom(machine: Machine, seen?: Room): Promise<Room> {
  const found = seen ?? (await room(machine));
  await machine.call('GetCapacity', { parameters: { type: 'thin' } }, (request) =>
    machine.csi.controller.getCapacity(request),
  );
  const thick = formatBytes(found.thick);
  machine.scene.say(`that is 2 × the thin pool, minus the promised space; a thick volume may have ${thick}`);
  return found;
}

function count(text: string, word: string): number {
  return text.split(word).length - 1;
}
