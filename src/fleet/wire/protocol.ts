import type { FromNode, FromNodeInit } from '../../gen/quarry/fleet/v1/FromNode.ts';
import type { ToNode, ToNodeInit } from '../../gen/quarry/fleet/v1/ToNode.ts';
import { decode, encode, fleet, loadProto, nodeVolumes, rawDefinition } from '../../grpc/load.ts';
import { loadRecords, type RecordCodec } from './records.ts';
import { loadService, type NodeMethod } from './services.ts';

/** What this program speaks. A peer that speaks none of it is refused. */
export const versions = { oldest: 1, newest: 1 } as const;

const serviceName = `${fleet.package}.Fleet`;
export const connectPath = `/${serviceName}/Connect`;

export interface Protocol {
  readonly definition: ReturnType<typeof rawDefinition>;
  /** The services of a node. */
  readonly volumes: readonly NodeMethod[];
  readonly records: RecordCodec;
  fromNode(bytes: Buffer): FromNode;
  toNode(bytes: Buffer): ToNode;
  writeFromNode(message: FromNodeInit): Buffer;
  writeToNode(message: ToNodeInit): Buffer;
}

/** Decoding throws on what is no message. */
export function loadProtocol(): Protocol {
  const root = loadProto(fleet);
  const [up, down] = [root.lookupType(`${fleet.package}.FromNode`), root.lookupType(`${fleet.package}.ToNode`)];
  return {
    definition: rawDefinition(root, serviceName),
    volumes: loadService(nodeVolumes, 'Volumes'),
    records: loadRecords(),
    fromNode: (bytes) => decode(up, bytes),
    toNode: (bytes) => decode(down, bytes),
    writeFromNode: (message) => encode(up, message),
    writeToNode: (message) => encode(down, message),
  };
}
