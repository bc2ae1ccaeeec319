/** Many nodes in one process: each is the real client of the fleet with a storage in memory. Started by cluster.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GiB, MiB } from '../../src/domain/bytes.ts';
import { defaultLayout } from '../../src/domain/pool.ts';
import { noNews } from '../../src/domain/news.ts';
import { noQos } from '../../src/domain/qos.ts';
import { lookEvery, mostVolumes } from '../../src/features/news/busiest-volumes.ts';
import { FleetClient } from '../../src/fleet/client/client.ts';
import { loadProtocol } from '../../src/fleet/wire/protocol.ts';
import { createLog } from '../../src/log.ts';
import { Authority } from '../support/certificates.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../support/memory-storage.ts';
import { exitWithParent } from '../support/parent.ts';

exitWithParent();
const { folder, port, nodes, volumes } = JSON.parse(process.argv[2] ?? '{}') as {
  folder: string;
  port: number;
  nodes: number;
  volumes: number;
};

const { signal } = new AbortController();
const spec = thickSpec('fast');
const layout = defaultLayout(spec, 'thick');
const authority = new Authority('nodes');
const protocol = loadProtocol();
const log = createLog('error');
const address = { host: '127.0.0.1', port, name: 'localhost' };

/** Volumes of node 17 are `pvc-17-0`, `pvc-17-1` …; 16 MiB each in a pool of 1 TiB. */
async function fill(storage: MemoryStorage, index: number): Promise<void> {
  for (let volume = 0; volume < volumes; volume += 1) {
    const name = `pvc-${index}-${volume}`;
    const size = { required: 16n * MiB };
    await storage.create({ name, pool: spec.name, layout, size, mkfsOptions: [], qos: noQos }, signal);
  }
}

/** As if a pod read and wrote each volume, at other rates each time. */
function use(storage: MemoryStorage): void {
  const rate = () => BigInt(Math.floor(Math.random() * 2 ** 40));
  const rates = () => ({ readIops: rate(), writeIops: rate(), readBandwidth: rate(), writeBandwidth: rate() });
  const ids = [...storage.volumes.keys()].slice(0, mostVolumes);
  storage.news = { ...noNews, uses: new Map(ids.map((id) => [id, rates()])) };
}

writeFileSync(join(folder, 'nodes.crt'), authority.certificate);
const clients: FleetClient[] = [];
for (let index = 0; index < nodes; index += 1) {
  const storage = new MemoryStorage(`node-${index}`, [emptyPool(spec, 1024n * GiB)]);
  await fill(storage, index);
  const { certificate, key } = authority.issue({ name: storage.node, uris: [`quarry://node/${storage.node}`] });
  const files = {
    ca: join(folder, 'ca.crt'),
    certificate: join(folder, `${storage.node}.crt`),
    key: join(folder, `${storage.node}.key`),
  };
  writeFileSync(files.certificate, certificate);
  writeFileSync(files.key, key);
  const identity = { driver: 'lvm.quarry.csi', driverVersion: '0.1.0' };
  const controllers = [{ name: 'localhost', port }];
  const client = new FleetClient({
    ...identity,
    files,
    storage,
    log,
    protocol,
    controllers,
    resolve: async () => [address],
  });
  storage.changed = () => client.changed();
  use(storage);
  const again = setInterval(() => {
    use(storage);
    client.changed();
  }, lookEvery);
  again.unref();
  clients.push(client);
}
process.send?.('ready');
// A listener that stays keeps the process alive while no node is connected: the timers of the nodes do not.
process.on('message', () => {
  for (const client of clients) client.start();
});
