/**
 * Runs inside a guest, beside the driver and LVM: `guest.ts`. Prints one JSON array of figures on stdout, progress on stderr.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { fill } from './filler.ts';
import { createCsiClient, type CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn, median, percentile, timed } from './sampling.ts';

const run = promisify(execFile);
const rounds = Number(process.argv[2] ?? 30);
const size = String(64 * 2 ** 20);
const mount = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const group = 'quarry-bench';
/** A hundred at once wait for each other. */
const patient = { deadlineMs: 300_000 };
const figures: Figure[] = [];

function note(figure: Figure): void {
  figures.push(figure);
  process.stderr.write(
    `${figure.name}: ${figure.ours.toFixed(1)} ${figure.unit}${figure.bare ? `, bare ${figure.bare.toFixed(1)}` : ''}\n`,
  );
}

/** The driver as the image runs it: bundled. */
async function startDriver() {
  const started = Date.now();
  const child = spawn(process.execPath, ['/quarry/dist/quarry.mjs', 'all'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const moments = new Map<string, number>();
  const ready = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { msg, time } = JSON.parse(line) as { msg: string; time: string };
    if (!moments.has(msg)) moments.set(msg, Date.parse(time));
    if (msg === 'ready') ready.resolve();
  });
  child.on('exit', () => ready.reject(new Error('the driver has ended')));
  await ready.promise;
  const since = (from: number) => (moments.get('ready') ?? Number.NaN) - from;
  return { child, untilReady: since(started), afterLvm: since(moments.get('LVM answered') ?? Number.NaN) };
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
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

async function createAndDelete(
  client: CsiClient,
  type: 'thin' | 'thick',
  suffix: string,
  judged: boolean,
): Promise<void> {
  const { create, remove } = volumes(client, type);
  const shape = type === 'thin' ? ['-V', `${size}b`, '--thinpool', `${group}/thinpool`] : ['-L', `${size}b`, group];
  const bare = {
    create: (round: number) => run('lvcreate', ['-y', '-n', `bare-${round}`, ...shape]),
    remove: (round: number) => run('lvremove', ['-y', `${group}/bare-${round}`]),
  };
  // The first use of a thin pool loads what the others find loaded.
  for (const warm of [-1, -2]) await create(warm).then(() => remove(warm));
  note({
    name: `CreateVolume ${type} : lvcreate${suffix}`,
    unit: 'ms',
    ...(await inTurn(rounds, create, bare.create)),
    ...(judged && { target: 0.8 }),
  });
  note({
    name: `DeleteVolume ${type} : lvremove${suffix}`,
    unit: 'ms',
    ...(await inTurn(rounds, remove, bare.remove)),
    ...(judged && { target: 0.6 }),
  });
}

async function stageAndPublish(client: CsiClient): Promise<void> {
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
    name: 'NodeStageVolume, formatted : mount',
    unit: 'ms',
    ours: median(stage.ours),
    bare: median(stage.bare),
    samples: rounds,
  });
  note({
    name: 'NodePublishVolume : mount --bind',
    unit: 'ms',
    ours: median(publish.ours),
    bare: median(publish.bare),
    samples: rounds,
    target: 1.5,
  });
  await remove('staged');
  await run('lvremove', ['-y', `${group}/plain`]);
}

async function hundred(client: CsiClient, type: 'thin' | 'thick'): Promise<void> {
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
    name: `100 creates ${type}, at once : in turn`,
    unit: 's',
    ours: atOnceSeconds,
    bare: inTurnSeconds,
    samples: 1,
    target: 1.1,
  });
}

async function capacity(client: CsiClient, suffix: string): Promise<void> {
  const samples: number[] = [];
  for (let round = 0; round < 200; round += 1) samples.push(await timed(() => client.controller.getCapacity({})));
  note({ name: `GetCapacity${suffix}`, unit: 'ms', ours: median(samples), samples: samples.length, target: 2 });
  note({ name: `GetCapacity p99${suffix}`, unit: 'ms', ours: percentile(samples, 0.99), samples: samples.length });
}

async function restart(driver: { child: ChildProcess }, suffix: string) {
  driver.child.removeAllListeners('exit');
  driver.child.kill('SIGKILL');
  const next = await startDriver();
  note({ name: `exec to ready${suffix}`, unit: 'ms', ours: next.untilReady, samples: 1 });
  note({ name: `first answer of LVM to ready${suffix}`, unit: 'ms', ours: next.afterLvm, samples: 1, target: 600 });
  return next;
}

async function main(): Promise<void> {
  let driver = await startDriver();
  const client = createCsiClient('unix:///run/quarry/csi.sock');
  const memory = async (suffix: string) => {
    const ours = await residentMiB(driver.child.pid ?? 0);
    note({ name: `resident memory${suffix}`, unit: 'MiB', ours, samples: 1, target: 90 });
  };
  await client.identity.probe({});
  await memory(', idle');
  for (const type of ['thick', 'thin'] as const) await createAndDelete(client, type, '', true);
  await stageAndPublish(client);
  await capacity(client, '');
  for (const type of ['thick', 'thin'] as const) await hundred(client, type);
  driver = await restart(driver, '');

  const suffix = ', 1,000 present';
  await fill(group, 'bench', 'bench', 1000);
  driver = await restart(driver, suffix);
  await client.identity.probe({}, { waitForReady: true });
  const list = await inTurn(
    rounds,
    () => client.controller.listVolumes({}),
    () => run('lvs', [], { maxBuffer: 2 ** 24 }),
  );
  note({ name: 'ListVolumes of 1,000 : lvs', unit: 'ms', ...list, target: 1 });
  for (const type of ['thick', 'thin'] as const) await createAndDelete(client, type, suffix, true);
  await capacity(client, suffix);
  await memory(suffix);
  client.close();
  driver.child.removeAllListeners('exit');
  driver.child.kill('SIGTERM');
  process.stdout.write(JSON.stringify(figures));
}

await main();
