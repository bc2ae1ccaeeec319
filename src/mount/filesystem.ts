import type { Filesystems } from '../domain/filesystems.ts';
import type { Run } from '../exec/run.ts';
import { checkFilesystem } from './check.ts';
import { readHeader } from './device.ts';
import { growFilesystem } from './grow.ts';
import { mkfsCommand } from './make.ts';
import { probe } from './probe.ts';
import { decodeSuperblock } from './superblock.ts';
import { must } from './tool.ts';
import { createUsage } from './usage.ts';

const mkfsDeadline = 600_000;

export function createFilesystems(run: Run): Filesystems {
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
