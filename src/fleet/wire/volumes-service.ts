import { satisfies } from '../../domain/erasure.ts';
import { Failure } from '../../domain/errors.ts';
import { type NodeName, parseNodeName, parseVolumeId, type VolumeId } from '../../domain/ids.ts';
import type { SizeRange } from '../../domain/bytes.ts';
import type { QosChange } from '../../domain/qos.ts';
import type { GroupSnapshots } from '../../domain/group-snapshot.ts';
import type { Snapshots } from '../../domain/snapshot.ts';
import type { Inventory, Storage } from '../../domain/storage.ts';
import type { Volume, VolumeSpec } from '../../domain/volume.ts';
import type { Volume as VolumeMessage } from '../../gen/quarry/node/v1/Volume.ts';
import type { VolumesDefinition, VolumesHandlers } from '../../gen/quarry/node/v1/Volumes.ts';
import type { VolumesMethods } from '../../grpc/services.ts';
import type { Calls, Target } from './caller.ts';
import { readAnswer } from './answers.ts';
import { RemoteGroupSnapshots } from './group-snapshots.ts';
import { RemoteSnapshots, type SnapshotsCalls } from './snapshots.ts';
import { readQosChange, writeQosChange } from './qos.ts';
import { readVolumeId } from './names.ts';
import { readRange, readRecord, readSpec, readVolume, writeRange, writeSpec, writeVolume } from './volumes.ts';

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
    async record({ volume, persistentVolume }, { signal }) {
      const text = readRecord(persistentVolume);
      return { volume: writeVolume(await storage.record(readVolumeId(volume).id, text, signal)) };
    },
  };
}

export type VolumesCalls = Calls<VolumesDefinition, VolumesHandlers>;

/** The calls of all services of a node. */
export interface NodeCalls {
  readonly volumes: VolumesCalls;
  readonly snapshots: SnapshotsCalls;
}

/** A node, as a controller reaches it. */
export interface RemoteNode extends Target {
  readonly node: NodeName;
  /** The last report. Throws `unavailable` until there is one. */
  inventory(): Inventory;
}

/** The controller's end: throws what the node throws. A controller has thousands of them, so that each holds as little as possible. */
export class RemoteStorage implements Storage {
  readonly #remote: RemoteNode;
  readonly #calls: VolumesCalls;
  readonly #snapshotsCalls: SnapshotsCalls;

  constructor(remote: RemoteNode, { volumes, snapshots }: NodeCalls) {
    this.#remote = remote;
    this.#calls = volumes;
    this.#snapshotsCalls = snapshots;
  }

  get node(): NodeName {
    return this.#remote.node;
  }

  /** Made when it is needed: most controllers never need it of most nodes. */
  get snapshots(): Snapshots {
    return new RemoteSnapshots(this.#remote, this.#snapshotsCalls);
  }

  get groupSnapshots(): GroupSnapshots {
    return new RemoteGroupSnapshots(this.#remote, this.#snapshotsCalls);
  }

  inventory(): Inventory {
    return this.#remote.inventory();
  }

  async find(id: VolumeId, signal: AbortSignal): Promise<Volume | undefined> {
    const { volume } = await this.#calls.find(this.#remote, { volume: id }, { signal });
    return volume ? readVolumeAnswer(volume, this.#remote, id) : undefined;
  }

  async create(spec: VolumeSpec, signal: AbortSignal): Promise<Volume> {
    const volume = await this.#volumeOf(this.#calls.create(this.#remote, { spec: writeSpec(spec) }, { signal }));
    if (satisfies(volume.erase, spec.erase)) return volume;
    throw new Failure(
      'unavailable',
      `node ${this.node} runs a version of Quarry that does not erase volumes: upgrade it, then delete volume ${volume.id}`,
    );
  }

  async remove(id: VolumeId, signal: AbortSignal, goneFrom?: NodeName): Promise<void> {
    await this.#calls.remove(this.#remote, { volume: id, ...(goneFrom && { goneFrom }) }, { signal });
  }

  expand(id: VolumeId, size: SizeRange, signal: AbortSignal): Promise<Volume> {
    return this.#volumeOf(this.#calls.expand(this.#remote, { volume: id, size: writeRange(size) }, { signal }), id);
  }

  modify(id: VolumeId, change: QosChange, signal: AbortSignal): Promise<Volume> {
    const request = { volume: id, change: writeQosChange(change) };
    return this.#volumeOf(this.#calls.modify(this.#remote, request, { signal }), id);
  }

  retain(id: VolumeId, signal: AbortSignal): Promise<Volume> {
    return this.#volumeOf(this.#calls.retain(this.#remote, { volume: id }, { signal }), id);
  }

  record(id: VolumeId, persistentVolume: string, signal: AbortSignal): Promise<Volume> {
    const request = { volume: id, persistentVolume };
    return this.#volumeOf(this.#calls.record(this.#remote, request, { signal }), id);
  }

  /** @param asked absent for a creation */
  async #volumeOf(answer: Promise<{ volume: VolumeMessage | null }>, asked?: VolumeId): Promise<Volume> {
    const { volume } = await answer;
    if (volume) return readVolumeAnswer(volume, this.#remote, asked);
    throw new Failure('unavailable', `node ${this.node} says that it succeeded, and names no volume`);
  }
}

function readVolumeAnswer(message: VolumeMessage, remote: RemoteNode, asked: VolumeId | undefined): Volume {
  return readAnswer(remote, () => {
    const volume = readVolume(message, remote.node);
    refuseOther(volume, remote.node, asked);
    return volume;
  });
}

/** Throws `invalid` for an answer about another volume than the one asked for, or for a new one that was born elsewhere. */
function refuseOther({ id }: Volume, node: NodeName, asked: VolumeId | undefined): void {
  const right = asked === undefined ? parseVolumeId(id)?.node === node : id === asked;
  if (!right) throw new Failure('invalid', `volume ${id} is not of node ${node}, or is not what was asked for`);
}
