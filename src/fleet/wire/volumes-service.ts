import { Failure, isFailure } from '../../domain/errors.ts';
import { type NodeName, parseNodeName, parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import type { Storage } from '../../domain/storage.ts';
import type { Volume } from '../../domain/volume.ts';
import type { Volume as VolumeMessage } from '../../gen/quarry/node/v1/Volume.ts';
import type { VolumesDefinition, VolumesHandlers } from '../../gen/quarry/node/v1/Volumes.ts';
import type { VolumesMethods } from '../../grpc/services.ts';
import { bind, type BindOptions, type Calls } from './caller.ts';
import { readQosChange, writeQosChange } from './qos.ts';
import { readRange, readSpec, readVolume, readVolumeId, writeRange, writeSpec, writeVolume } from './volumes.ts';

// Both ends of the service in proto/node/volumes.proto: the port `Storage` on a controller, and what serves it on the node.

/** The node's end. */
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

/** How a controller reaches a node. */
export interface VolumesOf extends BindOptions {
  readonly node: NodeName;
}

/** The controller's end: throws what the node throws. */
export function remoteVolumes({ node, ...options }: VolumesOf): Omit<Storage, 'node' | 'inventory'> {
  const { unusable } = options;
  const calls = bind(options) as Calls<VolumesDefinition, VolumesHandlers>;
  const read = (message: VolumeMessage, asked?: VolumeId): Volume => readAnswer(message, { node, asked, unusable });
  const volumeOf = async (answer: Promise<{ volume: VolumeMessage | null }>, asked?: VolumeId): Promise<Volume> => {
    const { volume } = await answer;
    if (volume) return read(volume, asked);
    throw new Failure('unavailable', `node ${node} says that it succeeded, and names no volume`);
  };
  return {
    async find(id, signal) {
      const { volume } = await calls.find({ volume: id }, { signal });
      return volume ? read(volume, id) : undefined;
    },
    create: (spec, signal) => volumeOf(calls.create({ spec: writeSpec(spec) }, { signal })),
    async remove(id, signal, goneFrom) {
      await calls.remove({ volume: id, ...(goneFrom && { goneFrom }) }, { signal });
    },
    expand: (id, size, signal) => volumeOf(calls.expand({ volume: id, size: writeRange(size) }, { signal }), id),
    modify: (id, change, signal) =>
      volumeOf(calls.modify({ volume: id, change: writeQosChange(change) }, { signal }), id),
    retain: (id, signal) => volumeOf(calls.retain({ volume: id }, { signal }), id),
  };
}

interface Asked {
  readonly node: NodeName;
  /** Absent for a creation. */
  readonly asked: VolumeId | undefined;
  readonly unusable: (reason: string) => void;
}

/** An answer that cannot be used says nothing about the outcome. */
function readAnswer(message: VolumeMessage, { node, asked, unusable }: Asked): Volume {
  try {
    const volume = readVolume(message, node);
    refuseOther(volume, node, asked);
    return volume;
  } catch (cause) {
    if (!isFailure(cause)) throw cause;
    unusable(cause.message);
    throw new Failure('unavailable', `the answer of node ${node} cannot be used: ${cause.message}`, { cause });
  }
}

/** Throws `invalid` for an answer about another volume than the one asked for, or for a new one that was born elsewhere. */
function refuseOther({ id }: Volume, node: NodeName, asked: VolumeId | undefined): void {
  const right = asked === undefined ? parseVolumeId(id)?.node === node : id === asked;
  if (!right) throw new Failure('invalid', `volume ${id} is not of node ${node}, or is not what was asked for`);
}
