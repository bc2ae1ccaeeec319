import { setTimeout as sleep } from 'node:timers/promises';
import { bootGuest } from '../lab/lab.ts';
import type { Process } from '../lab/process.ts';
import { stageAndPublish } from './chapters/filesystem.ts';
import { Machine } from './machine.ts';
import type { Scene } from './scene.ts';

const MiB = 1024n * 1024n;
const capability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const config = `node: node-1
rescan: 2s
pools:
  - name: safe
    volumeGroup: quarry-safe
    type: thick
    disks: { paths: [/dev/dm-0, /dev/dm-1, /dev/dm-2] }
    approve: manual
`;
/** SQLite, for a machine without a database server. Prints each order when it is committed. */
const shop = `#!/quarry/node_modules/.bin/node
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync('/pods/shop/orders.db');
db.exec('PRAGMA synchronous = FULL; CREATE TABLE orders (number INTEGER PRIMARY KEY)');
const insert = db.prepare('INSERT INTO orders VALUES (?)');
let number = 0;
setInterval(() => { insert.run(++number); console.log(number); }, 20);
`;
const count = `#!/quarry/node_modules/.bin/node
const { DatabaseSync } = require('node:sqlite');
const db = new DatabaseSync('/pods/shop/orders.db');
console.log(...Object.values(db.prepare('SELECT count(*), max(number) FROM orders').get()));
console.log(...Object.values(db.prepare('PRAGMA integrity_check').get()));
`;
const disks = ['a', 'b', 'c'] as const;
type Disk = (typeof disks)[number];
/** Each disk is below a device of device-mapper, which can be made to fail. */
const table = (disk: Disk, target: string) => `0 $(blockdev --getsz /dev/ubd${disk}) ${target}`;

/** A disk dies under a mirrored volume, and is replaced, while a database writes. */
export async function showDisk(scene: Scene, onMachine: (machine: Machine) => void): Promise<void> {
  scene.title('Quarry', 'a disk dies under a database, and is replaced while the database writes');
  await using guest = await bootGuest({ name: 'node-1', disks: ['512M', '512M', '512M'] });
  const machine = new Machine(guest, scene);
  onMachine(machine);
  await prepare(machine);
  scene.chapter('A volume with two copies, on two disks; the third disk is not used yet');
  await machine.startDriver();
  await machine.quarry('disks', 'approve', '/dev/dm-0', '/dev/dm-1');
  await createVolume(machine);

  scene.chapter('A shop commits orders to a database on it');
  const writer = await guest.start(['/run/shop']);
  await moreOrders(machine, writer, 'orders are committed');

  scene.chapter('One of the two disks dies');
  await kill(machine, 'b');
  await moreOrders(machine, writer, 'the shop goes on, with one copy');
  const dead = await missingDisk(machine);

  scene.chapter('It is replaced, while the shop writes');
  await machine.quarry('disks', 'replace', dead, '/dev/dm-2', '--dry-run');
  await machine.quarry('disks', 'replace', dead, '/dev/dm-2');
  await complete(machine);
  await moreOrders(machine, writer, 'the shop goes on, with two copies');

  scene.chapter('The other old disk dies too: the new one has everything');
  await kill(machine, 'a');
  await moreOrders(machine, writer, 'the shop goes on');
  await expectOrders(machine, writer);
  machine.close();
}

async function prepare(machine: Machine): Promise<void> {
  const { guest } = machine;
  await machine.configure(config);
  const layers = disks.map(
    (disk) => `dmsetup create disk-${disk} --table "${table(disk, `linear /dev/ubd${disk} 0`)}"`,
  );
  await guest.shell(
    `echo 'devices { global_filter = ["r|/dev/ubd.*|"] }' >>/etc/lvm/lvmlocal.conf
    modprobe dm-raid
    ${layers.join('\n')}
    cat >/run/shop <<'END'\n${shop}END
    cat >/run/count <<'END'\n${count}END
    chmod +x /run/shop /run/count`,
    { env: { DM_DISABLE_UDEV: '1' } },
  );
}

async function createVolume(machine: Machine): Promise<void> {
  const { controller } = machine.csi;
  const request = {
    name: 'pvc-shop',
    capacityRange: { requiredBytes: String(128n * MiB) },
    volumeCapabilities: [capability],
    parameters: { pool: 'safe', mirrors: '1' },
  };
  const { volume } = await machine.call('CreateVolume', request, (message) => controller.createVolume(message));
  const id = volume?.volumeId ?? '';
  await stageAndPublish(machine, { id, capability, staging: '/staging/shop', target: '/pods/shop' });
}

const committed = (writer: Process) => Number(writer.stdout.text.trimEnd().split('\n').at(-1));

async function moreOrders(machine: Machine, writer: Process, text: string): Promise<void> {
  const before = committed(writer);
  const deadline = performance.now() + 30_000;
  while (committed(writer) < before + 10 && performance.now() < deadline) await sleep(50);
  const after = committed(writer);
  machine.claim(`${text}: ${after} so far`, after >= before + 10, `${after - before} more`);
}

/** From now on every request to the disk fails. */
async function kill(machine: Machine, disk: Disk): Promise<void> {
  const command = `dmsetup load disk-${disk} --table "${table(disk, 'error')}"
    dmsetup suspend --noflush --nolockfs disk-${disk}; dmsetup resume disk-${disk}`;
  await machine.guest.shell(command);
  const number = disks.indexOf(disk);
  await machine.shell(`dd if=/dev/dm-${number} of=/dev/null bs=4096 count=1 iflag=direct status=none 2>&1 || true`);
}

/** Waits until the driver has seen that it is missing. */
async function missingDisk(machine: Machine): Promise<string> {
  const { guest } = machine;
  const missing = `pvs --noheadings -o pv_missing,pv_uuid 2>/dev/null | awk '$1 == "missing" { print $2 }'`;
  await guest.shell(`until ${missing} | grep .; do sleep 0.2; done`);
  await machine.shell('pvs -o pv_name,vg_name,pv_missing,pv_uuid 2>/dev/null');
  const uuid = await guest.shell(missing);
  return uuid.trim();
}

async function complete(machine: Machine): Promise<void> {
  await machine.guest.shell(
    `until dmsetup status quarry--safe-pvc--shop | grep -q ' AA .* idle '; do sleep 0.2; done`,
    { timeout: 60_000 },
  );
  await machine.shell('lvs -a -o lv_name,sync_percent,devices quarry-safe 2>/dev/null');
}

async function expectOrders(machine: Machine, writer: Process): Promise<void> {
  writer.kill('SIGKILL');
  await writer.exited;
  const last = committed(writer);
  const found = await machine.shell('echo 3 >/proc/sys/vm/drop_caches; /run/count');
  const [orders, integrity] = found.trim().split('\n');
  const [rows = 0, highest = 0] = (orders ?? '').split(' ').map(Number);
  machine.claim(`all ${last} committed orders are there`, rows >= last && rows === highest, found);
  machine.claim('the database is whole', integrity === 'ok', found);
}
