import { formatBytes } from '../../src/domain/bytes.ts';
import type { Machine } from '../machine.ts';
import { type Room, showRoom } from './disks.ts';

export interface FilesystemVolume {
  readonly id: string;
  readonly size: bigint;
  readonly capability: object;
  readonly staging: string;
  readonly target: string;
}

const MiB = 1024n * 1024n;
const size = 128n * MiB;
const grown = 256n * MiB;
const staging = '/staging/db';
const target = '/pods/db';
const capability = { mount: { fsType: 'ext4' }, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };

export async function createAndUse(machine: Machine, before: Room): Promise<FilesystemVolume> {
  const { csi, scene } = machine;
  scene.chapter('A thin volume is created, once');
  const request = {
    name: 'pvc-db',
    capacityRange: { requiredBytes: String(size) },
    volumeCapabilities: [capability],
    parameters: { pool: 'fast', type: 'thin' },
  };
  const { volume } = await machine.call('CreateVolume', request, (message) => csi.controller.createVolume(message));
  const id = volume?.volumeId ?? '';
  machine.check(volume?.capacityBytes === String(size), 'the volume does not have the requested size');
  const again = await csi.controller.createVolume(request);
  machine.claim('a second request for the same name returns the same volume', again.volume?.volumeId === id);
  const tags = await machine.shell(`lvs --noheadings -o lv_tags quarry-fast/pvc-db | tr -d ' ' | tr , '\\n'`);
  machine.claim('its record is on the volume itself, as LVM tags', tags.includes(`quarry.id=${id}`), tags);
  const after = await showRoom(machine);
  const less = formatBytes(size);
  machine.claim(`the promise took ${less} of the capacity`, before.thin - after.thin === size, after.thin);

  await mountVolume(machine, id);
  return { id, size: grown, capability, staging, target };
}

async function mountVolume(machine: Machine, id: string): Promise<void> {
  const { scene } = machine;
  scene.chapter('It is staged, which makes its filesystem, and published to a pod');
  await stageAndPublish(machine, { id, capability, staging, target });
  await machine.shell('findmnt -o TARGET,FSTYPE,OPTIONS,SOURCE -S /dev/mapper/quarry--fast-pvc--db');
  const tags = await machine.guest.shell('lvs --noheadings -o lv_tags quarry-fast/pvc-db');
  machine.claim('the tag says ext4: it is never formatted again', tags.includes('quarry.fs=ext4'), tags);
}

export async function stageAndPublish(
  machine: Machine,
  volume: Pick<FilesystemVolume, 'id' | 'capability' | 'staging' | 'target'>,
): Promise<void> {
  const { node } = machine.csi;
  const staged = { volumeId: volume.id, stagingTargetPath: volume.staging, volumeCapability: volume.capability };
  await machine.call('NodeStageVolume', staged, (message) => node.nodeStageVolume(message));
  const published = { ...staged, targetPath: volume.target };
  await machine.call('NodePublishVolume', published, (message) => node.nodePublishVolume(message));
}

const chunks = 80;
const chunkSize = 2;
const journal = `${target}/journal`;
const writer = `for ((i = 1; i <= ${chunks}; i++)); do
  dd if=/dev/urandom of=${journal} bs=1M count=${chunkSize} oflag=append conv=notrunc,fsync status=none; echo "chunk $i"
done`;

/** The volume is too small for the data, unless it grows in time. */
export async function expandWhileWriting(machine: Machine, volume: FilesystemVolume): Promise<void> {
  const { csi, guest, scene } = machine;
  scene.chapter('It grows while it is written to: 160 MiB go into a volume of 128 MiB');
  const writing = await guest.start(['bash', '-euo', 'pipefail', '-c', writer]);
  await writing.stdout.waitFor(/^chunk 8$/, 30_000);
  await machine.shell(`df -h --output=size,used,avail,target ${target}`);
  const [{ id }, from] = [volume, written(writing.stdout.text)];
  const asked = { volumeId: id, capacityRange: { requiredBytes: String(grown) }, volumeCapability: capability };
  const answer = await machine.call('ControllerExpandVolume', asked, (m) => csi.controller.controllerExpandVolume(m));
  machine.check(answer.nodeExpansionRequired, 'the node was not asked to grow the filesystem');
  await machine.call('NodeExpandVolume', { volumeId: id, volumePath: target }, (m) => csi.node.nodeExpandVolume(m));
  const to = written(writing.stdout.text);
  machine.claim(`meanwhile the writer continued, from ${from} to ${to} MiB`, to > from && to < chunks * chunkSize, to);
  const end = await writing.exited;
  machine.claim('and wrote 160 MiB without an error', end.exitCode === 0, end.stderr);
  const usage = await machine.shell(`df -h --output=size,used,avail,target ${target}`);
  machine.check(/^\s*2\d\dM/m.test(usage), 'the filesystem did not grow');
}

/** MiB that are synced to the disk. */
function written(output: string): number {
  return (output.split('chunk').length - 1) * chunkSize;
}

export async function checksum(machine: Machine): Promise<string> {
  const sum = await machine.shell(`sha256sum ${journal}`);
  machine.check(/^[0-9a-f]{64} /.test(sum), `sha256sum said: ${sum}`);
  return sum;
}

export async function listVolumes(machine: Machine, ids: readonly string[]): Promise<void> {
  machine.scene.chapter('The driver lists them, and so does LVM');
  await expectListed(machine, ids);
  await machine.shell('lvs -o lv_name,lv_size,segtype,pool_lv,data_percent,devices quarry-fast');
}

export async function expectListed(machine: Machine, ids: readonly string[]): Promise<void> {
  const list = await machine.call('ListVolumes', {}, (request) => machine.csi.controller.listVolumes(request));
  const listed = list.entries.map(({ volume }) => volume?.volumeId);
  machine.claim(
    ids.length === 0 ? 'no volume is listed' : `exactly these ${ids.length} volumes are listed`,
    listed.length === ids.length && ids.every((id) => listed.includes(id)),
    listed.join(', '),
  );
}
