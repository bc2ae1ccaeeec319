/**
 * Runs inside a guest, next to the driver and LVM: `guest.ts`. Prints one JSON array of figures on stdout, progress on stderr.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type DriverProcess, endDriver, residentMiB, startDriver } from './driver.ts';
import { fill } from './filler.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn, median, percentile, timed } from './sampling.ts';

const run = promisify(execFile);
const rounds = Number(process.argv[2] ?? 30);
const size = String(64 * 2 ** 20);
const mount = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const group = 'quarry-bench';
/** A hundred calls at once wait for each other. */
const patient = { deadlineMs: 300_000 };
const figures: Figure[] = [];

function note(figure: Figure): void {
  figures.push(figure);
  process.stderr.write(
    `${figure.name}: ${figure.ours.toFixed(1)} ${figure.unit}${figure.bare ? `, bare ${figure.bare.toFixed(1)}` : ''}\n`,
  );
}

function volumes(client: CsiClient, type: 'thin' | 'thick', bytes = size) {
  const name = (round: number | string) => `${type}-${round}`;
  const create = (round: number | string) =>
    client.controller.createVolume(
      {
        name: name(round),
        volumeCapabilities: [mount],
        parameters: { type },
        capacityRange: { requiredBytes: bytes },
      },
      patient,
    );
  const remove = (round: number | string) =>
    client.controller.deleteVolume({ volumeId: `bench:${name(round)}` }, patient);
  return { create, remove };
}

async function createAndDelete(client: CsiClient, type: 'thin' | 'thick', suffix: string): Promise<void> {
  const { create, remove } = volumes(client, type);
  const shape = type === 'thin' ? ['-V', `${size}b`, '--thinpool', `${group}/thinpool`] : ['-L', `${size}b`, group];
  const bare = {
    create: (round: number) => run('lvcreate', ['-y', '-n', `bare-${round}`, ...shape]),
    remove: (round: number) => run('lvremove', ['-y', `${group}/bare-${round}`]),
  };
  // The first use of a thin pool loads kernel modules and programs.
  for (const warm of [-1, -2]) await create(warm).then(() => remove(warm));
  note({
    name: `CreateVolume ${type} : lvcreate${suffix}`,
    unit: 'ms',
    ...(await inTurn(rounds, create, bare.create)),
    target: 0.8,
  });
  note({
    name: `DeleteVolume ${type} : lvremove${suffix}`,
    unit: 'ms',
    ...(await inTurn(rounds, remove, bare.remove)),
    target: 0.6,
  });
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

async function hundred(client: CsiClient, type: 'thin' | 'thick', suffix: string): Promise<void> {
  const { create, remove } = volumes(client, type, String(4 * 2 ** 20));
  const all = Array.from({ length: 100 }, (_, index) => index);
  const inTurnSeconds =
    (await timed(async () => {
      for (const index of all) await create(index);
    })) / 1000;
  for (const index of all) await remove(index);
  const atOnceSeconds = (await timed(() => Promise.all(all.map(create)))) / 1000;
  await Promise.all(all.map(remove));
  note({
    name: `100 creates ${type}, at once : in turn${suffix}`,
    unit: 's',
    ours: atOnceSeconds,
    bare: inTurnSeconds,
    samples: 1,
    target: 1.1,
  });
}

/** Measured against Probe, which does nothing: its time is the cost of any call in this guest. */
async function capacity(client: CsiClient, driver: DriverProcess, suffix: string): Promise<void> {
  const calls = { ours: [] as number[], probe: [] as number[] };
  driver.handled('GetCapacity');
  for (let round = 0; round < 300; round += 1) {
    calls.probe.push(await timed(() => client.identity.probe({})));
    calls.ours.push(await timed(() => client.controller.getCapacity({})));
  }
  const handled = driver.handled('GetCapacity');
  const samples = calls.ours.length;
  note({ name: `GetCapacity${suffix}`, unit: 'ms', ours: median(calls.ours), samples, target: 2 });
  note({ name: `GetCapacity p99${suffix}`, unit: 'ms', ours: percentile(calls.ours, 0.99), samples });
  note({ name: `Probe, the floor of a call${suffix}`, unit: 'ms', ours: median(calls.probe), samples });
  note({ name: `GetCapacity, within the driver${suffix}`, unit: 'ms', ours: median(handled), samples: handled.length });
}

async function restart(driver: DriverProcess, client: CsiClient, suffix: string): Promise<DriverProcess> {
  endDriver(driver, 'SIGKILL');
  const next = await startDriver(client);
  note({ name: `exec to Probe true${suffix}`, unit: 'ms', ours: next.untilReady, samples: 1 });
  note({ name: `first answer of LVM to ready${suffix}`, unit: 'ms', ours: next.afterLvm, samples: 1, target: 600 });
  return next;
}

async function memory(driver: DriverProcess, suffix: string): Promise<void> {
  const ours = await residentMiB(driver);
  note({ name: `resident memory${suffix}`, unit: 'MiB', ours, samples: 1, target: 90 });
}

async function everything(client: CsiClient, driver: DriverProcess, suffix: string): Promise<void> {
  for (const type of ['thick', 'thin'] as const) await createAndDelete(client, type, suffix);
  await stageAndPublish(client, suffix);
  await capacity(client, driver, suffix);
  for (const type of ['thick', 'thin'] as const) await hundred(client, type, suffix);
}

async function main(): Promise<void> {
  const client = createCsiClient('unix:///run/quarry/csi.sock');
  let driver = await startDriver(client);
  await memory(driver, ', idle');
  await everything(client, driver, '');
  driver = await restart(driver, client, '');

  const suffix = ', 1,000 present';
  await fill(group, 'bench', 'bench', 1000);
  driver = await restart(driver, client, suffix);
  await memory(driver, suffix);
  const list = await inTurn(
    rounds,
    () => client.controller.listVolumes({}),
    () => run('lvs', [], { maxBuffer: 2 ** 24 }),
  );
  note({ name: 'ListVolumes of 1,000 : lvs', unit: 'ms', ...list, target: 1 });
  await everything(client, driver, suffix);
  await memory(driver, `${suffix}, at the end`);
  client.close();
  endDriver(driver, 'SIGTERM');
  process.stdout.write(JSON.stringify(figures));
}

await main();
