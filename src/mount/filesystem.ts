import type { VolumeId } from '../domain/ids.ts';
import type { FilesystemType, OpenVolume } from '../domain/volume.ts';
import type { Run } from '../exec/run.ts';
import { checkFilesystem } from './check.ts';
import { readHeader } from './device.ts';
import { growFilesystem } from './grow.ts';
import { mkfsCommand } from './make.ts';
import { type Content, probe } from './probe.ts';
import { decodeSuperblock } from './superblock.ts';
import { must } from './tool.ts';
import { createUsage, type Usage } from './usage.ts';

const mkfsDeadline = 600_000;

/** What is done to filesystems, beside mounting them. Nothing takes a signal: half an mkfs or fsck helps nobody. */
export interface FilesystemTools {
  /** `size`: of the device, in bytes. */
  probe(device: string, size: bigint, id: VolumeId): Promise<Content>;
  /** Bytes that the filesystem on the device spans; of a mounted one possibly an older, smaller value. */
  sizeOn(device: string, type: FilesystemType): Promise<bigint | undefined>;
  make(open: OpenVolume, type: FilesystemType, overUnfinished: boolean): Promise<void>;
  check(device: string, type: FilesystemType, thorough: boolean): Promise<void>;
  grow(device: string, type: FilesystemType, target: string): Promise<void>;
  usage(target: string): Promise<Usage>;
}

export function createFilesystems(run: Run): FilesystemTools {
  return {
    probe: (device, size, id) => probe(run, device, size, id),
    sizeOn: async (device, type) => decodeSuperblock(type, await readHeader(device))?.size,
    async make({ device, volume }, type, overUnfinished) {
      const argv = mkfsCommand(volume, type, device, overUnfinished);
      await must(run, argv, mkfsDeadline, `${type} could not be made on ${device}`);
    },
    check: (device, type, thorough) => checkFilesystem(run, type, device, thorough),
    grow: (device, type, target) => growFilesystem(run, type, device, target),
    usage: createUsage(),
  };
}
