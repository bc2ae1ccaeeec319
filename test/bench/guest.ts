/**
 * Runs inside a guest, next to the driver and LVM: `guest.ts`. Prints one JSON array of figures on stdout, progress on stderr.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compileDriver, type DriverProcess, endDriver, startDriver } from './driver.ts';
import { measureEncryption } from './encryption.ts';
import { fill } from './filler.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { memoryFigures, memoryOf } from './memory.ts';
import { type Figure, inTurn, median, percentile, timed } from './sampling.ts';
import { measureLoads, measureSnapshots } from './snapshots.ts';
import { group, measureHundreds, measureVolumes, mount, type Present, size, volumes } from './volumes.ts';

const run = promisify(execFile);
const rounds = Number(process.argv.find((word) => /^[0-9]+$/.test(word)) ?? 30);
/** Starts of the driver. */
const starts = process.argv[2] === 'starts' ? 9 : 3;
/** 250: as many as a node can have of pods. A target for creations and deletions is looser only where LVM reads the metadata of a thousand. */
const stages: readonly Present[] = [
  { count: 0, suffix: '', target: 0.8 },
  { count: 250, suffix: ', 250 present', target: 0.8 },
  { count: 1000, suffix: ', 1,000 present', target: 1 },
];
const figures: Figure[] = [];
/** What is measured alone, by the first word of the arguments. */
const parts: Readonly<Record<string, (client: CsiClient) => Promise<Figure[]>>> = {
  encryption: (client) => measureEncryption(client, rounds),
  loads: measureLoads,
  snapshots: (client) => measureSnapshots(client, rounds),
};

function note(figure: Figure): void {
  figures.push(figure);
  process.stderr.write(
    `${figure.name}: ${figure.ours.toFixed(1)} ${figure.unit}${figure.bare ? `, bare ${figure.bare.toFixed(1)}` : ''}\n`,
  );
}

async function stageAndPublish(client: CsiClient, suffix: string): Promise<void> {
  const { create, remove } = volumes(client, 'thick');
  await create('staged');
  await run('bash', [
    '-c',
    `lvcreate -y -n plain -L ${size}b ${group} && mkfs.ext4 -q /dev/${group}/plain && mkdir -p /mnt/a /mnt/b`,
  ]);
  const volume = { volumeId: 'bench:thick-staged', stagingTargetPath: '/tmp/staging', volumeCapability: mount };
  const target = { ...volume, targetPath: '/tmp/target' };
  await client.node.nodeStageVolume(volume);
  const publish = { ours: [] as number[], bare: [] as number[] };
  await run('mount', [`/dev/${group}/plain`, '/mnt/a']);
  for (let round = 0; round < rounds; round += 1) {
    publish.bare.push(await timed(() => run('mount', ['--bind', '/mnt/a', '/mnt/b'])));
    publish.ours.push(await timed(() => client.node.nodePublishVolume(target)));
    await run('umount', ['/mnt/b']);
    await client.node.nodeUnpublishVolume(target);
  }
  await run('umount', ['/mnt/a']);
  await client.node.nodeUnstageVolume(volume);
  const stage = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round < rounds; round += 1) {
    stage.bare.push(await timed(() => run('mount', [`/dev/${group}/plain`, '/mnt/a'])));
    stage.ours.push(await timed(() => client.node.nodeStageVolume(volume)));
    await run('umount', ['/mnt/a']);
    await client.node.nodeUnstageVolume(volume);
  }
  note({
    name: `NodeStageVolume, formatted : mount${suffix}`,
    unit: 'ms',
    ours: median(stage.ours),
    bare: median(stage.bare),
    samples: rounds,
  });
  note({
    name: `NodePublishVolume : mount --bind${suffix}`,
    unit: 'ms',
    ours: median(publish.ours),
    bare: median(publish.bare),
    samples: rounds,
    target: 1.5,
  });
  await remove('staged');
  await run('lvremove', ['-y', `${group}/plain`]);
}

/** Measured against Probe, which does nothing: its time is the cost of any call in this guest. */
async function capacity(client: CsiClient, driver: DriverProcess, suffix: string): Promise<void> {
  const calls = { ours: [] as number[], probe: [] as number[] };
  driver.handled('GetCapacity');
  for (let round = 0; round < 1000; round += 1) {
    calls.probe.push(await timed(() => client.identity.probe({})));
    calls.ours.push(await timed(() => client.controller.getCapacity({})));
  }
  const handled = driver.handled('GetCapacity');
  const samples = calls.ours.length;
  note({ name: `GetCapacity${suffix}`, unit: 'ms', ours: median(calls.ours), samples, target: 2 });
  note({ name: `GetCapacity p99${suffix}`, unit: 'ms', ours: percentile(calls.ours, 0.99), samples });
  note({ name: `Probe, the floor of a call${suffix}`, unit: 'ms', ours: median(calls.probe), samples });
  const within = { unit: 'ms', samples: handled.length } as const;
  note({ ...within, name: `GetCapacity, within the driver${suffix}`, ours: median(handled) });
  note({ ...within, name: `GetCapacity p99, within the driver${suffix}`, ours: percentile(handled, 0.99), target: 5 });
}

/** Starts the driver again several times, each after kill -9. */
async function restart(driver: DriverProcess, client: CsiClient, { count, suffix }: Present): Promise<DriverProcess> {
  const times = { ready: [] as number[], afterLvm: [] as number[] };
  let next = driver;
  for (let start = 0; start < starts; start += 1) {
    endDriver(next, 'SIGKILL');
    next = await startDriver(client);
    times.ready.push(next.untilReady);
    times.afterLvm.push(next.afterLvm);
  }
  const shape = { unit: 'ms', samples: starts } as const;
  const target = count === 250 ? { target: 1500 } : {};
  note({ ...shape, name: `exec to Probe true${suffix}`, ours: median(times.ready), ...target });
  note({ ...shape, name: `first answer of LVM to ready${suffix}`, ours: median(times.afterLvm), target: 600 });
  return next;
}

async function memory({ child, settled }: DriverProcess, when: string): Promise<void> {
  await settled;
  if (child.pid === undefined) throw new Error('the driver has not started');
  for (const figure of memoryFigures(memoryOf(child.pid), when, 90)) note(figure);
}

async function list(client: CsiClient, { count, suffix }: Present): Promise<void> {
  const times = await inTurn(
    rounds,
    () => client.controller.listVolumes({}),
    () => run('lvs', [], { maxBuffer: 2 ** 24 }),
  );
  note({ name: `ListVolumes of ${count.toLocaleString('en')} : lvs${suffix}`, unit: 'ms', ...times, target: 1 });
}

async function all(client: CsiClient, first: DriverProcess): Promise<DriverProcess> {
  let driver = first;
  await memory(driver, ', idle');
  let filled = 0;
  for (const present of stages) {
    await fill({ group, node: 'bench', pool: 'bench' }, filled, present.count);
    filled = present.count;
    driver = await restart(driver, client, present);
    await memory(driver, `${present.suffix}, after the start`);
    if (present.count > 0) await list(client, present);
    for (const figure of await measureVolumes(client, rounds, present)) note(figure);
    if (present.count === 0) for (const figure of await measureSnapshots(client, rounds)) note(figure);
    await stageAndPublish(client, present.suffix);
    await capacity(client, driver, present.suffix);
    for (const figure of await measureHundreds(client, present)) note(figure);
    await memory(driver, `${present.suffix}, at the end`);
  }
  return driver;
}

/** Only starts of the driver, without and with 250 volumes. */
async function startsAlone(client: CsiClient, first: DriverProcess): Promise<DriverProcess> {
  let driver = first;
  let filled = 0;
  for (const present of stages.slice(0, 2)) {
    await fill({ group, node: 'bench', pool: 'bench' }, filled, present.count);
    filled = present.count;
    driver = await restart(driver, client, present);
  }
  return driver;
}

async function main(): Promise<void> {
  const client = createCsiClient('unix:///run/quarry/csi.sock');
  await compileDriver();
  let driver = await startDriver(client);
  const part = parts[process.argv[2] ?? ''];
  if (process.argv[2] === 'starts') driver = await startsAlone(client, driver);
  else if (part === undefined) driver = await all(client, driver);
  else for (const figure of await part(client)) note(figure);
  client.close();
  endDriver(driver, 'SIGTERM');
  process.stdout.write(JSON.stringify(figures));
}

await main();
