import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { CsiClient } from '../support/csi-client.ts';
import { type Figure, inTurn } from './sampling.ts';
import { group, mount, volumes } from './volumes.ts';

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

/** Snapshots and clones of thin volumes, and the copy of a thick one. */
export async function measureSnapshots(client: CsiClient, rounds: number): Promise<Figure[]> {
  return [...(await measureThin(client, rounds)), await measureCopy(client)];
}
