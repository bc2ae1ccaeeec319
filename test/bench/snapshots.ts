import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn, median, timed } from './sampling.ts';
import { group, mount, size, volumes } from './volumes.ts';

const run = promisify(execFile);
const patient = { deadlineMs: 300_000 };
const idOf = (name: string) => `bench:${name}`;
const copied = 512 * 2 ** 20;
/** A copy takes seconds. */
const copies = 5;

function create(client: CsiClient, name: string, type: 'thin' | 'thick', source: string, bytes: number) {
  return client.controller.createVolume(
    {
      name,
      volumeCapabilities: [mount],
      parameters: { type },
      capacityRange: { requiredBytes: String(bytes) },
      volumeContentSource: { volume: { volumeId: idOf(source) } },
    },
    patient,
  );
}

/** Repeats a call while it is ABORTED: such an answer comes when five seconds are over, or the copy has ended. */
async function whole(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await call());
    } catch (error) {
      if ((error as { code?: number }).code !== status.ABORTED) throw error;
    }
  }
}

async function measureThin(client: CsiClient, rounds: number): Promise<Figure[]> {
  const origin = volumes(client, 'thin');
  await origin.create('origin');
  const bytes = 64 * 2 ** 20;
  await run('lvcreate', ['-y', '-n', 'bare-origin', '-V', `${bytes}b`, '--thinpool', `${group}/thinpool`]);
  const bareSnapshot = (name: string, ...active: string[]) =>
    run('lvcreate', ['-y', '-s', '-n', name, ...active, `${group}/bare-origin`]);
  const bareRemove = (name: string) => run('lvremove', ['-y', `${group}/${name}`]);
  const taken = await inTurn(
    rounds,
    (round) =>
      client.controller.createSnapshot({ name: `snapshot-${round}`, sourceVolumeId: idOf('thin-origin') }, patient),
    (round) => bareSnapshot(`bare-${round}`),
  );
  const removed = await inTurn(
    rounds,
    (round) => client.controller.deleteSnapshot({ snapshotId: idOf(`snap-${round}`) }, patient),
    (round) => bareRemove(`bare-${round}`),
  );
  const cloned = await inTurn(
    rounds,
    (round) => create(client, `clone-${round}`, 'thin', 'thin-origin', bytes),
    (round) => bareSnapshot(`bare-${round}`, '-k', 'n', '-a', 'y'),
  );
  for (let round = 0; round < rounds; round += 1) {
    await client.controller.deleteVolume({ volumeId: idOf(`clone-${round}`) }, patient);
    await bareRemove(`bare-${round}`);
  }
  await origin.remove('origin');
  await bareRemove('bare-origin');
  return [
    { name: 'CreateSnapshot thin : lvcreate -s', unit: 'ms', ...taken, target: 1 },
    { name: 'DeleteSnapshot thin : lvremove', unit: 'ms', ...removed, target: 1 },
    { name: 'CreateVolume of a thin clone : lvcreate -s', unit: 'ms', ...cloned, target: 1 },
  ];
}

/** Each snapshot has room for a quarter of its volume. */
async function measureThick(client: CsiClient, rounds: number): Promise<Figure[]> {
  const origin = volumes(client, 'thick');
  await origin.create('origin');
  await run('lvcreate', ['-y', '-n', 'bare-origin', '-L', `${size}b`, group]);
  const request = { sourceVolumeId: idOf('thick-origin'), parameters: { snapshotSize: '25%' } };
  const taken = await inTurn(
    rounds,
    (round) => client.controller.createSnapshot({ name: `snapshot-${round}`, ...request }, patient),
    (round) => run('lvcreate', ['-y', '-s', '-n', `bare-${round}`, '-l', '25%ORIGIN', `${group}/bare-origin`]),
  );
  const removed = await inTurn(
    rounds,
    (round) => client.controller.deleteSnapshot({ snapshotId: idOf(`snap-${round}`) }, patient),
    (round) => run('lvremove', ['-y', `${group}/bare-${round}`]),
  );
  await origin.remove('origin');
  await run('lvremove', ['-y', `${group}/bare-origin`]);
  return [
    { name: 'CreateSnapshot thick : lvcreate -s', unit: 'ms', ...taken, target: 1 },
    { name: 'DeleteSnapshot thick : lvremove', unit: 'ms', ...removed, target: 1 },
  ];
}

/** A clone with all that belongs to it: its snapshot, its progress and its end. The bare dd copies from one logical volume to another. */
async function measureCopy(client: CsiClient): Promise<Figure> {
  await volumes(client, 'thick', String(copied)).create('origin');
  const to = `/dev/${group}/bare-copy`;
  await run('lvcreate', ['-y', '-n', 'bare-copy', '-L', `${copied}b`, group]);
  const from = `/dev/${group}/thick-origin`;
  const direct = ['bs=1M', 'iflag=fullblock', 'oflag=direct', 'conv=fsync'];
  await run('dd', ['if=/dev/urandom', `of=${from}`, ...direct, `count=${copied / 2 ** 20}`]);
  const times = await inTurn(
    copies,
    (round) => whole(() => create(client, `copy-${round}`, 'thick', 'thick-origin', copied)),
    () => run('dd', [`if=${from}`, `of=${to}`, 'bs=1M', 'iflag=direct', 'oflag=direct', 'conv=fsync']),
  );
  for (let round = 0; round < copies; round += 1)
    await client.controller.deleteVolume({ volumeId: idOf(`copy-${round}`) }, patient);
  await volumes(client, 'thick').remove('origin');
  await run('lvremove', ['-y', `${group}/bare-copy`]);
  return { name: 'clone of 512 MiB, thick : dd with direct I/O', unit: 'ms', ...times, target: 1.25 };
}

/** Of each type. */
const repeats = 3;
const snapshotsOfLoad = 10;

/** A volume with its snapshots, filled before they are taken; removed after its use. */
interface Loaded {
  readonly device: string;
  readonly make: () => Promise<unknown>;
  readonly snapshot: (index: number) => Promise<unknown>;
  readonly removeSnapshot: (index: number) => Promise<unknown>;
  readonly remove: () => Promise<unknown>;
}

function ourLoad(client: CsiClient, type: 'thin' | 'thick'): Loaded {
  const { create: make, remove } = volumes(client, type);
  const request = { sourceVolumeId: idOf(`${type}-load`), parameters: { snapshotSize: '100%' } };
  const ids: string[] = [];
  return {
    device: `/dev/${group}/${type}-load`,
    make: () => make('load'),
    async snapshot(index) {
      const { snapshot } = await client.controller.createSnapshot(
        { name: `${type}-load-${index}`, ...request },
        patient,
      );
      ids[index] = snapshot?.snapshotId ?? '';
    },
    removeSnapshot: (index) => client.controller.deleteSnapshot({ snapshotId: ids[index] ?? '' }, patient),
    remove: () => remove('load'),
  };
}

function bareLoad(type: 'thin' | 'thick'): Loaded {
  const lvm = (command: string, ...words: string[]) => run(command, ['-y', ...words]);
  const origin = `${group}/bare-load`;
  const shape = type === 'thin' ? ['-V', `${size}b`, '--thinpool', `${group}/thinpool`] : ['-L', `${size}b`, group];
  const room = type === 'thin' ? [] : ['-l', '100%ORIGIN'];
  return {
    device: `/dev/${origin}`,
    make: () => lvm('lvcreate', '-n', 'bare-load', ...shape),
    snapshot: (index) => lvm('lvcreate', '-s', '-n', `bare-load-${index}`, ...room, origin),
    removeSnapshot: (index) => lvm('lvremove', `${group}/bare-load-${index}`),
    remove: () => lvm('lvremove', origin),
  };
}

/** Milliseconds of the first writes to blocks that all snapshots share: each thick snapshot keeps a copy of its own. */
async function timeLoad({ device, make, snapshot, removeSnapshot, remove }: Loaded): Promise<number> {
  const all = Array.from({ length: snapshotsOfLoad }, (_, index) => index);
  await make();
  await run('dd', ['if=/dev/urandom', `of=${device}`, 'bs=1M', `count=${Number(size) / 2 ** 20}`, 'oflag=direct']);
  for (const index of all) await snapshot(index);
  const words = ['--rw=randwrite', '--bs=4k', '--size=64M', '--io_size=4M', '--direct=1', '--randseed=1'];
  const milliseconds = await timed(() => run('fio', ['--name=load', `--filename=${device}`, ...words]));
  for (const index of all) await removeSnapshot(index);
  await remove();
  return milliseconds;
}

/** Writes to volumes of both types that have snapshots. */
export async function measureLoads(client: CsiClient): Promise<Figure[]> {
  return [await measureLoad(client, 'thin'), await measureLoad(client, 'thick')];
}

async function measureLoad(client: CsiClient, type: 'thin' | 'thick'): Promise<Figure> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < repeats; round += 1) {
    bare.push(await timeLoad(bareLoad(type)));
    ours.push(await timeLoad(ourLoad(client, type)));
  }
  const times = { ours: median(ours), bare: median(bare), samples: repeats };
  return { name: `4 MiB of writes under 10 snapshots, ${type} : of lvcreate -s`, unit: 'ms', ...times, target: 1.1 };
}

/** Snapshots of both types, clones of thin volumes, the copy of a thick one, and the loads. */
export async function measureSnapshots(client: CsiClient, rounds: number): Promise<Figure[]> {
  const taken = [...(await measureThin(client, rounds)), ...(await measureThick(client, rounds))];
  return [...taken, await measureCopy(client), ...(await measureLoads(client))];
}
