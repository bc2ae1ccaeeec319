import { writeFile } from 'node:fs/promises';
import { bootGuest } from '../lab/lab.ts';
import { drawChart } from './neighbour/chart.ts';
import { type Load, type Measured, measure } from './neighbour/load.ts';
import { Pod } from './neighbour/pod.ts';
import { printRows } from './neighbour/table.ts';
import { Machine } from './machine.ts';
import type { Scene } from './scene.ts';

const MiB = 1024 * 1024;
/** Bytes a second that the writer gets once the pool has a budget. */
const writerLimit = 50 * MiB;

/** A database that reads at a steady rate, next to a writer that takes all it can get. */
export async function showNeighbour(
  scene: Scene,
  onMachine: (machine: Machine) => void,
  chart?: string,
): Promise<void> {
  scene.title('Quarry', 'a noisy neighbour on the same disk, with and without I/O limits');
  await using guest = await bootGuest({ name: 'node-1', disks: ['8G'] });
  const machine = new Machine(guest, scene);
  onMachine(machine);

  scene.chapter('Two pods share a disk: a database, and a writer');
  await configure(machine, '');
  await machine.startDriver();
  const database = await Pod.create(machine, { name: 'pvc-database', pod: 'database', size: 512 * MiB });
  const writer = await Pod.create(machine, { name: 'pvc-writer', pod: 'writer', size: 1024 * MiB });
  const most = await measure({ database });
  scene.say(`alone, the database can read ${number(most.reads)} blocks of 4 KiB a second`);
  // Half of the disk's rate: a reservation that it can serve next to other volumes.
  const pace = Math.floor(most.reads / 2);
  const load: Load = { database, pace };

  scene.chapter(`The database reads ${number(pace)} blocks a second, steadily`);
  const alone = await measure(load);
  const unlimited = await measure({ ...load, writer });
  show(scene, [
    ['alone', alone],
    ['next to the writer', unlimited],
  ]);

  scene.chapter('The pool gets a budget, and the database a reservation');
  const reserved = Math.ceil(pace * 1.2);
  await budget(machine, most.reads * 2);
  await reserve(machine, database, reserved);
  const held = await measure({ ...load, writer });
  await machine.quarry('qos');

  scene.chapter('A reader next to a writer, on one disk');
  const rows: [string, Measured][] = [
    ['alone', alone],
    ['next to the writer, no limits', unlimited],
    ['next to the writer, with Quarry', held],
  ];
  show(scene, rows);
  machine.claim('the database reads at its pace', held.reads > 0.95 * alone.reads, held.reads);
  machine.claim('the writer does not exceed its limit', held.written < 1.05 * writerLimit, held.written);
  machine.claim('without limits the database waits longer', unlimited.p99 > held.p99, unlimited.p99);
  if (chart !== undefined) await writeFile(chart, drawChart(rows));
  machine.close();
}

async function budget(machine: Machine, readIops: number): Promise<void> {
  await configure(
    machine,
    `
    budget: { readIops: ${Math.floor(readIops)}, writeBandwidth: 200Mi }
    unreserved: { writeBandwidth: ${writerLimit / MiB}Mi }`,
  );
  await machine.shell('cat /etc/quarry/config.yaml');
  await machine.restartDriver();
}

async function reserve(machine: Machine, { id }: Pod, reads: number): Promise<void> {
  const change = { volumeId: id, mutableParameters: { reservedReadIops: String(reads) } };
  await machine.call('ControllerModifyVolume', change, (request) =>
    machine.csi.controller.controllerModifyVolume(request),
  );
  const tags = await machine.shell(`lvs --noheadings -o lv_tags quarry-fast/pvc-database | tr , '\\n' | grep qos`);
  machine.claim('the reservation is on the volume itself', tags.includes(String(reads)), tags);
}

async function configure(machine: Machine, more: string): Promise<void> {
  const config = `node: node-1
pools:
  - name: fast
    volumeGroup: quarry-fast
    type: thick
    disks: { paths: [/dev/ubda] }
    approve: automatic${more}
`;
  await machine.configure(config);
}

function show(scene: Scene, rows: readonly (readonly [string, Measured])[]): void {
  for (const line of printRows(rows)) scene.say(line);
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}
