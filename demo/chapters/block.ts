import { formatBytes } from '../../src/domain/bytes.ts';
import type { Machine } from '../machine.ts';
import { stageAndPublish } from './filesystem.ts';

export interface BlockVolume {
  readonly id: string;
  readonly size: bigint;
  readonly capability: object;
  readonly staging: string;
  readonly target: string;
}

const size = 128n * 1024n * 1024n;
const capability = { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' as const } };
const places = { staging: '/staging/raw', target: '/pods/raw' };

export async function shareBlock(machine: Machine): Promise<BlockVolume> {
  const { csi, guest, scene } = machine;
  scene.chapter('A raw block volume, thick, in the same group');
  const before = await csi.controller.getCapacity({ parameters: { type: 'thick' } });
  const request = {
    name: 'pvc-raw',
    capacityRange: { requiredBytes: String(size) },
    volumeCapabilities: [capability],
    parameters: { pool: 'fast', type: 'thick' },
  };
  const { volume } = await machine.call('CreateVolume', request, (message) => csi.controller.createVolume(message));
  const block = { id: volume?.volumeId ?? '', size, capability, ...places };
  await stageAndPublish(machine, block);
  const device = await machine.shell(`stat -c '%F %n' ${places.target}; blockdev --getsize64 ${places.target}`);
  const seen = device.startsWith('block special file') && device.includes(`\n${size}\n`);
  machine.claim(`the pod has a block device of ${formatBytes(size)}`, seen, device);
  await guest.shell(`dd if=/dev/urandom of=${places.target} bs=1M count=32 oflag=direct status=none`);
  const after = await csi.controller.getCapacity({ parameters: { type: 'thick' } });
  const used = BigInt(before.availableCapacity) - BigInt(after.availableCapacity);
  machine.claim(`the capacity for thick volumes is ${formatBytes(size)} less`, used === size, used);
  return block;
}

export async function blockChecksum(machine: Machine): Promise<string> {
  return machine.shell(`head -c 32M ${places.target} | sha256sum`);
}
