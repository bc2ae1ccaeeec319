import type { NodeName } from '../domain/ids.ts';
import { topologyOf } from '../domain/topology.ts';
import type { NodeExpandVolumeRequest } from '../gen/csi/v1/NodeExpandVolumeRequest.ts';
import type { NodeExpandVolumeResponseInit } from '../gen/csi/v1/NodeExpandVolumeResponse.ts';
import type { NodeGetCapabilitiesRequest } from '../gen/csi/v1/NodeGetCapabilitiesRequest.ts';
import type { NodeGetCapabilitiesResponseInit } from '../gen/csi/v1/NodeGetCapabilitiesResponse.ts';
import type { NodeGetInfoRequest } from '../gen/csi/v1/NodeGetInfoRequest.ts';
import type { NodeGetInfoResponseInit } from '../gen/csi/v1/NodeGetInfoResponse.ts';
import type { NodeGetVolumeStatsRequest } from '../gen/csi/v1/NodeGetVolumeStatsRequest.ts';
import type { NodeGetVolumeStatsResponseInit } from '../gen/csi/v1/NodeGetVolumeStatsResponse.ts';
import type { NodePublishVolumeRequest } from '../gen/csi/v1/NodePublishVolumeRequest.ts';
import type { NodePublishVolumeResponseInit } from '../gen/csi/v1/NodePublishVolumeResponse.ts';
import type { NodeStageVolumeRequest } from '../gen/csi/v1/NodeStageVolumeRequest.ts';
import type { NodeStageVolumeResponseInit } from '../gen/csi/v1/NodeStageVolumeResponse.ts';
import type { NodeUnpublishVolumeRequest } from '../gen/csi/v1/NodeUnpublishVolumeRequest.ts';
import type { NodeUnpublishVolumeResponseInit } from '../gen/csi/v1/NodeUnpublishVolumeResponse.ts';
import type { NodeUnstageVolumeRequest } from '../gen/csi/v1/NodeUnstageVolumeRequest.ts';
import type { NodeUnstageVolumeResponseInit } from '../gen/csi/v1/NodeUnstageVolumeResponse.ts';
import type { _csi_v1_NodeServiceCapability_RPC_Type } from '../gen/csi/v1/NodeServiceCapability.ts';
import type { NodeMethods } from '../grpc/services.ts';
import { expand } from './expander.ts';
import type { NodeTools } from './ports.ts';
import { publish, unpublish } from './publisher.ts';
import { isInline } from '../domain/inline.ts';
import { publishInline, unpublishInline } from './inline-publisher.ts';
import { parseInlinePublish } from './inline-requests.ts';
import { parseExpand, parsePublish, parseStage, parseStats, parseUnpublish, parseUnstage } from './requests.ts';
import { stage, unstage } from './stager.ts';
import { volumeUsage } from './stats.ts';

interface Call {
  readonly signal: AbortSignal;
}
type Handler<Request, Response> = (request: Request, call: Call) => Promise<Response>;

/** The calls of CSI's Node service that this driver offers. */
export interface NodeService {
  nodeStageVolume: Handler<NodeStageVolumeRequest, NodeStageVolumeResponseInit>;
  nodeUnstageVolume: Handler<NodeUnstageVolumeRequest, NodeUnstageVolumeResponseInit>;
  nodePublishVolume: Handler<NodePublishVolumeRequest, NodePublishVolumeResponseInit>;
  nodeUnpublishVolume: Handler<NodeUnpublishVolumeRequest, NodeUnpublishVolumeResponseInit>;
  nodeGetVolumeStats: Handler<NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponseInit>;
  nodeExpandVolume: Handler<NodeExpandVolumeRequest, NodeExpandVolumeResponseInit>;
  nodeGetInfo: Handler<NodeGetInfoRequest, NodeGetInfoResponseInit>;
  nodeGetCapabilities: Handler<NodeGetCapabilitiesRequest, NodeGetCapabilitiesResponseInit>;
}

export interface NodeServiceOptions extends NodeTools {
  readonly node: NodeName;
  /** The driver's name, which prefixes the topology key. */
  readonly driver: string;
  /** Methods of features. */
  readonly methods?: Partial<NodeMethods>;
  /** What NodeGetCapabilities says of them. */
  readonly capabilities?: readonly NodeCapability[];
}

/** Without VOLUME_MOUNT_GROUP, because kubelet applies fsGroup itself. */
const ownCapabilities = [
  'STAGE_UNSTAGE_VOLUME',
  'GET_VOLUME_STATS',
  'EXPAND_VOLUME',
  'SINGLE_NODE_MULTI_WRITER',
] as const satisfies NodeCapability[];

/** What NodeGetCapabilities can say. */
export type NodeCapability = keyof typeof _csi_v1_NodeServiceCapability_RPC_Type;

/** Parses the requests of the CSI Node service and delegates them. Throws a `Failure` on errors. */
export function createNodeService(options: NodeServiceOptions): NodeService & Partial<NodeMethods> {
  const { methods = {}, capabilities = [] } = options;
  return {
    ...methods,
    async nodeStageVolume(request, { signal }) {
      await stage(options, parseStage(request), signal);
      return {};
    },
    async nodeUnstageVolume(request) {
      await unstage(options, parseUnstage(request));
      return {};
    },
    async nodePublishVolume(request, { signal }) {
      if (isInline(request.volumeContext)) await publishInline(options, parseInlinePublish(request), signal);
      else await publish(options, parsePublish(request), signal);
      return {};
    },
    async nodeUnpublishVolume(request, { signal }) {
      const undo = parseUnpublish(request);
      if (undo.handle) await unpublishInline(options, undo.handle, undo.path, signal);
      else await unpublish(options, undo);
      return {};
    },
    async nodeGetVolumeStats(request, { signal }) {
      return { usage: await volumeUsage(options, parseStats(request, options.inline), signal) };
    },
    async nodeExpandVolume(request, { signal }) {
      return { capacityBytes: String(await expand(options, parseExpand(request), signal)) };
    },
    nodeGetInfo: async () => nodeInfo(options),
    nodeGetCapabilities: async () => ({
      capabilities: [...ownCapabilities, ...capabilities].map((type) => ({ rpc: { type } })),
    }),
  };
}

function nodeInfo({ node, driver, volumes }: NodeServiceOptions): NodeGetInfoResponseInit {
  return {
    nodeId: node,
    maxVolumesPerNode: String(volumes.volumeLimit()),
    accessibleTopology: topologyOf(driver, node),
  };
}
