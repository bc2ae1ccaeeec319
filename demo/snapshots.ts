import { bootGuest } from '../lab/lab.ts';
import { stageAndPublish } from './chapters/filesystem.ts';
import { Machine } from './machine.ts';
import type { Scene } from './scene.ts';

const MiB = 1024n * 1024n;
const size = 256n * MiB;
const capability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const config = `node: node-1
pools:
  - name: fast
    volumeGroup: quarry-fast
    type: thin
    disks: { paths: [/dev/ubda] }
    approve: automatic
`;
/** SQLite, for a machine without a database server: prints the rows of a query, or its error. */
const sql = `#!/quarry/node_modules/.bin/node
const { DatabaseSync } = require('node:sqlite');
const [file, query] = process.argv.slice(2);
try {
  for (const row of new DatabaseSync(file).prepare(query).all()) console.log(...Object.values(row));
} catch ({ message }) {
  console.log(message);
}
`;
const orders = 10_000;

/** A table is dropped, and is back from a snapshot. */
export async function showSnapshots(scene: Scene, onMachine: (machine: Machine) => void): Promise<void> {
  scene.title('Quarry', 'a table is dropped, and is back from a snapshot');
  await using guest = await bootGuest({ name: 'node-1', disks: ['4G'] });
  const machine = new Machine(guest, scene);
  onMachine(machine);
  await machine.configure(config);
  await guest.shell(`cat >/run/sql <<'END'\n${sql}END
    chmod +x /run/sql`);

  scene.chapter('A shop keeps its orders on a volume');
  await machine.startDriver();
  const shop = await makeVolume(machine, 'shop', {});
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${orders}) SELECT i FROM n`;
  await machine.shell(`/run/sql /pods/shop/orders.db 'CREATE TABLE orders AS ${numbers}'`);
  await expectOrders(machine, 'shop');

  const snapshot = await takeSnapshot(machine, shop);
  await dropTable(machine);

  scene.chapter('A volume is made from the snapshot, and mounted beside its source');
  await makeVolume(machine, 'restored', { volumeContentSource: { snapshot: { snapshotId: snapshot } } });
  await expectOrders(machine, 'restored');
  await machine.shell('lvs -o lv_name,lv_size,origin,data_percent quarry-fast');

  await removeSources(machine, shop, snapshot);
  await expectOrders(machine, 'restored');
  await machine.call('ListVolumes', {}, (message) => machine.csi.controller.listVolumes(message));
  machine.close();
}

async function makeVolume(machine: Machine, name: string, more: object): Promise<string> {
  const { controller } = machine.csi;
  const request = {
    name: `pvc-${name}`,
    capacityRange: { requiredBytes: String(size) },
    volumeCapabilities: [capability],
    ...more,
  };
  const { volume } = await machine.call('CreateVolume', request, (message) => controller.createVolume(message));
  const id = volume?.volumeId ?? '';
  await stageAndPublish(machine, { id, capability, staging: `/staging/${name}`, target: `/pods/${name}` });
  return id;
}

async function expectOrders(machine: Machine, name: string): Promise<void> {
  const count = await machine.shell(`/run/sql /pods/${name}/orders.db 'SELECT count(*), sum(i) FROM orders'`);
  const sum = (orders * (orders + 1)) / 2;
  machine.claim(`all ${orders} orders are there`, count.trim() === `${orders} ${sum}`, count);
}

async function takeSnapshot(machine: Machine, volume: string): Promise<string> {
  machine.scene.chapter('A snapshot is taken while the volume is in use');
  const request = { name: 'snapshot-before-the-release', sourceVolumeId: volume };
  const answer = await machine.call('CreateSnapshot', request, (message) =>
    machine.csi.controller.createSnapshot(message),
  );
  machine.claim('it is ready at once', answer.snapshot?.readyToUse === true);
  return answer.snapshot?.snapshotId ?? '';
}

async function dropTable(machine: Machine): Promise<void> {
  machine.scene.chapter('The release goes wrong');
  await machine.shell(`/run/sql /pods/shop/orders.db 'DROP TABLE orders'`);
  const error = await machine.shell(`/run/sql /pods/shop/orders.db 'SELECT count(*) FROM orders'`);
  machine.claim('the table is gone', error.includes('no such table: orders'), error);
}

/** The source and the snapshot go first; what was made from them stays. */
async function removeSources(machine: Machine, shop: string, snapshot: string): Promise<void> {
  machine.scene.chapter('The broken volume and the snapshot are deleted; the restored volume stays');
  const { controller, node } = machine.csi;
  await node.nodeUnpublishVolume({ volumeId: shop, targetPath: '/pods/shop' });
  await node.nodeUnstageVolume({ volumeId: shop, stagingTargetPath: '/staging/shop' });
  await machine.call('DeleteVolume', { volumeId: shop }, (message) => controller.deleteVolume(message));
  await machine.call('DeleteSnapshot', { snapshotId: snapshot }, (message) => controller.deleteSnapshot(message));
}
