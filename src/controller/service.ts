import { parseSizeRange } from '../domain/bytes.ts';
import { capabilityProblems } from '../domain/capability.ts';
import { usableSize } from '../domain/encryption.ts';
import { Failure } from '../domain/errors.ts';
import { idBefore, pageOf, pageSize } from '../domain/pages.ts';
import { parseParameters } from '../domain/parameters.ts';
import { parseQosChange } from '../domain/qos-parameters.ts';
import { parseAccessibility, topologyOf } from '../domain/topology.ts';
import type { ContentSource } from '../domain/snapshot.ts';
import type { Volume } from '../domain/volume.ts';
import type { _csi_v1_ControllerServiceCapability_RPC_Type } from '../gen/csi/v1/ControllerServiceCapability.ts';
import type { VolumeInit } from '../gen/csi/v1/Volume.ts';
import type { ControllerMethods } from '../grpc/services.ts';
import type { Provisioner } from './provisioner.ts';
import { capabilitiesProblems, parseCreate, requireId } from './requests.ts';

const ownCapabilities = [
  'CREATE_DELETE_VOLUME',
  'LIST_VOLUMES',
  'GET_CAPACITY',
  'EXPAND_VOLUME',
  'GET_VOLUME',
  'MODIFY_VOLUME',
  'SINGLE_NODE_MULTI_WRITER',
] as const satisfies ControllerCapability[];

/** What ControllerGetCapabilities can say. */
export type ControllerCapability = keyof typeof _csi_v1_ControllerServiceCapability_RPC_Type;

/** Methods that are offered besides those of volumes. */
export interface MoreMethods {
  readonly methods: Partial<ControllerMethods>;
  readonly capabilities: readonly ControllerCapability[];
}

/** The CSI Controller service for a driver of that name: parses requests, and throws each failure as a `Failure`. */
export function createControllerService(
  provisioner: Provisioner,
  driver: string,
  more: MoreMethods = { methods: {}, capabilities: [] },
): Partial<ControllerMethods> {
  return {
    ...more.methods,
    async controllerGetCapabilities() {
      const types = [...ownCapabilities, ...more.capabilities];
      return { capabilities: types.map((type) => ({ rpc: { type } })) };
    },
    ...lifecycle(provisioner, driver),
    ...reports(provisioner, driver),
  };
}

function lifecycle(provisioner: Provisioner, driver: string): Partial<ControllerMethods> {
  return {
    async createVolume(request, { signal }) {
      const volume = await provisioner.create(parseCreate(request, driver), signal);
      return { volume: toMessage(volume, driver) };
    },

    async deleteVolume({ volumeId }, { signal }) {
      await provisioner.remove(requireId(volumeId), signal);
      return {};
    },

    async controllerExpandVolume({ volumeId, capacityRange, volumeCapability }, { signal }) {
      const id = requireId(volumeId);
      if (!capacityRange) throw new Failure('invalid', 'capacity_range is missing');
      const volume = await provisioner.expand(id, parseSizeRange(capacityRange), signal);
      // Also on a retry that found nothing to do: the filesystem may not have grown yet.
      return { capacityBytes: String(usableSize(volume)), nodeExpansionRequired: !volumeCapability?.block };
    },

    async controllerModifyVolume({ volumeId, mutableParameters }, { signal }) {
      const id = requireId(volumeId);
      await provisioner.modify(id, parseQosChange(mutableParameters), signal);
      return {};
    },
  };
}

function reports(provisioner: Provisioner, driver: string): Partial<ControllerMethods> {
  return {
    async validateVolumeCapabilities({ volumeId, volumeCapabilities, volumeContext, parameters }, { signal }) {
      const id = requireId(volumeId);
      if (volumeCapabilities.length === 0) throw new Failure('invalid', 'volume_capabilities is missing');
      await provisioner.get(id, signal);
      const problems = capabilitiesProblems(volumeCapabilities);
      if (problems.length > 0) return { message: problems.join('; ') };
      return { confirmed: { volumeCapabilities, volumeContext, parameters } };
    },

    async listVolumes({ maxEntries, startingToken }) {
      const most = pageSize(maxEntries);
      const listed = provisioner.list(idBefore(startingToken), most);
      const page = pageOf(listed, (volume) => volume.id, startingToken, most);
      return {
        entries: page.items.map((volume) => ({ volume: toMessage(volume, driver) })),
        nextToken: page.nextToken,
      };
    },

    async getCapacity({ parameters, accessibleTopology, volumeCapabilities }) {
      const impossible = volumeCapabilities.some((capability) => capabilityProblems(capability).length > 0);
      const where = parseAccessibility({ requisite: accessibleTopology && [accessibleTopology] }, driver);
      const room = provisioner.capacity(parseParameters(parameters), where);
      return {
        availableCapacity: String(impossible ? 0n : room.total),
        maximumVolumeSize: { value: String(impossible ? 0n : room.largest) },
        minimumVolumeSize: { value: String(room.unit) },
      };
    },

    async controllerGetVolume({ volumeId }, { signal }) {
      const volume = await provisioner.get(requireId(volumeId), signal);
      return { volume: toMessage(volume, driver), status: { publishedNodeIds: [] } };
    },
  };
}

function toMessage(volume: Volume, driver: string): VolumeInit {
  return {
    volumeId: volume.id,
    capacityBytes: String(usableSize(volume)),
    accessibleTopology: [topologyOf(driver, volume.node)],
    ...(volume.source && { contentSource: sourceMessage(volume.source) }),
  };
}

function sourceMessage(source: ContentSource) {
  return 'snapshot' in source ? { snapshot: { snapshotId: source.snapshot } } : { volume: { volumeId: source.volume } };
}
