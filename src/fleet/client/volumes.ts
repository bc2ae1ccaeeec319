import { parseNodeName } from '../../domain/ids.ts';
import type { Storage } from '../../domain/storage.ts';
import type { VolumesMethods } from '../../grpc/services.ts';
import { readQosChange } from '../wire/qos.ts';
import { readRange, readSpec, readVolumeId, writeVolume } from '../wire/volumes.ts';

/** What a controller may ask of this node's volumes. */
export function createVolumesService(storage: Storage): VolumesMethods {
  return {
    async find({ volume }, { signal }) {
      const found = await storage.find(readVolumeId(volume).id, signal);
      return found ? { volume: writeVolume(found) } : {};
    },
    async create({ spec }, { signal }) {
      return { volume: writeVolume(await storage.create(readSpec(spec), signal)) };
    },
    async remove({ volume, goneFrom }, { signal }) {
      await storage.remove(readVolumeId(volume).id, signal, parseNodeName(goneFrom));
      return {};
    },
    async expand({ volume, size }, { signal }) {
      return { volume: writeVolume(await storage.expand(readVolumeId(volume).id, readRange(size), signal)) };
    },
    async modify({ volume, change }, { signal }) {
      return { volume: writeVolume(await storage.modify(readVolumeId(volume).id, readQosChange(change), signal)) };
    },
    async retain({ volume }, { signal }) {
      return { volume: writeVolume(await storage.retain(readVolumeId(volume).id, signal)) };
    },
  };
}
