import type { FromNode, FromNodeInit } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { ToNode, ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import {
  decode,
  encode,
  fleet,
  loadProto,
  nodePools,
  nodeSnapshots,
  nodeVolumes,
  rawDefinition,
} from '../../grpc/load.ts';
import { type RecordCodec, recordsOf } from './records.ts';
import { type NodeMethod, serviceOf } from './methods.ts';

/** The versions of the protocol that this program knows. A peer that knows none of them is refused. */
export const versions = { oldest: 1, newest: 1 } as const;

const serviceName = `${fleet.package}.Fleet`;
export const connectPath = `/${serviceName}/Connect`;

export interface Protocol {
  readonly definition: ReturnType<typeof rawDefinition>;
  /** The services of a node. */
  readonly volumes: readonly NodeMethod[];
  readonly snapshots: readonly NodeMethod[];
  readonly records: RecordCodec;
  readonly fromNode: (bytes: Buffer) => FromNode;
  readonly toNode: (bytes: Buffer) => ToNode;
  readonly writeFromNode: (message: FromNodeInit) => Buffer;
  readonly writeToNode: (message: ToNodeInit) => Buffer;
}

/** Decoding throws on what is no message. */
export function loadProtocol(): Protocol {
  const root = loadProto(fleet);
  const volumes = loadProto(nodeVolumes);
  const snapshots = loadProto(nodeSnapshots);
  const [up, down] = [root.lookupType(`${fleet.package}.FromNode`), root.lookupType(`${fleet.package}.ToNode`)];
  return {
    definition: rawDefinition(root, serviceName),
    volumes: serviceOf(volumes, `${nodeVolumes.package}.Volumes`),
    snapshots: serviceOf(snapshots, `${nodeSnapshots.package}.Snapshots`),
    records: recordsOf(volumes, snapshots, loadProto(nodePools)),
    fromNode: (bytes) => decode(up, bytes),
    toNode: (bytes) => decode(down, bytes),
    writeFromNode: (message) => encode(up, message),
    writeToNode: (message) => encode(down, message),
  };
}
