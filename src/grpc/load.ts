import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/google/protobuf/descriptor.json' with { type: 'json' };

/** The form of decoded messages; proto/generate.ts uses the same options for the types of src/gen. */
const conversion: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true, oneofs: true };

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An interface: its file in proto/, and the package of its services. */
export interface Interface {
  readonly file: string;
  readonly package: string;
}

export const csi: Interface = { file: 'csi.proto', package: 'csi.v1' };
/** Kubelet's interface for plugins that register themselves. */
export const pluginRegistration: Interface = { file: 'pluginregistration.proto', package: 'pluginregistration' };
/** The calls of the command line to a running driver. */
export const admin: Interface = { file: 'admin.proto', package: 'quarry.admin.v1' };
/** The stream between nodes and controllers. */
export const fleet: Interface = { file: 'fleet.proto', package: 'quarry.fleet.v1' };
/** A controller's calls about a node's volumes, and the records that a node sends of them. */
export const nodeVolumes: Interface = { file: 'node/volumes.proto', package: 'quarry.node.v1' };
/** A controller's calls about a node's snapshots, and the records that a node sends of them. */
export const nodeSnapshots: Interface = { file: 'node/snapshots.proto', package: 'quarry.node.v1' };
/** The records that a node sends of its pools. */
export const nodePools: Interface = { file: 'node/pools.proto', package: 'quarry.node.v1' };

/**
 * Reads a proto with the options that redaction and limits need. Uses protobufjs only: proto-loader drops those options, and describes
 * every type again for gRPC reflection, which costs 60 ms and 4 MB more (measured with import).
 *
 * The file is in proto/ of the source tree. Next to the bundle is what was read from it, as JSON: the parser took 8 % of what a driver does before it serves, and 5 MiB.
 */
export function loadProto({ file }: Interface = csi): protobuf.Root {
  const bundled = besides(`./${bundledName(file)}`);
  const root = existsSync(bundled)
    ? protobuf.Root.fromJSON(readJson(bundled))
    : parseProto(besides(`../../proto/${file}`));
  root.resolveAll();
  return root;
}

/** The name, next to the bundle, of what is read from a file of proto/. */
export function bundledName(file: string): string {
  return file.replace(/proto$/, 'json');
}

/** Reads a proto and what it imports, which no type refers to yet. Throws if it imports a file that protobufjs does not have. */
export function parseProto(path: string): protobuf.Root {
  const root = new protobuf.Root();
  const { imports } = protobuf.parse(readFileSync(path, 'utf8'), root);
  for (const name of imports ?? []) {
    const imported = name === 'google/protobuf/descriptor.proto' ? descriptor : protobuf.common.get(name);
    if (imported?.nested === undefined) throw new Error(`${path} imports ${name}, which is not known here`);
    root.addJSON(imported.nested);
  }
  return root;
}

function readJson(path: string): protobuf.INamespace {
  return JSON.parse(readFileSync(path, 'utf8')) as protobuf.INamespace;
}

function besides(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Every method of a service, with its request and response types resolved. */
export function methodsOf(root: protobuf.Root, service: string): (protobuf.Method & ResolvedTypes)[] {
  return root.lookupService(service).methodsArray.filter((method) => isResolved(method));
}

interface ResolvedTypes {
  resolvedRequestType: protobuf.Type;
  resolvedResponseType: protobuf.Type;
}

function isResolved(method: protobuf.Method): method is protobuf.Method & ResolvedTypes {
  return method.resolve().resolved && method.resolvedRequestType !== null && method.resolvedResponseType !== null;
}

/**
 * Decodes one message; throws on anything that is not one. protobufjs itself accepts truncated text, and turns bytes that are not
 * UTF-8 into U+FFFD, so that two names could become equal.
 */
export function decode(type: protobuf.Type, bytes: Uint8Array): Record<string, unknown> {
  const reader = protobuf.Reader.create(bytes);
  reader.string = () => strictUtf8.decode(reader.bytes());
  return type.toObject(type.decode(reader), conversion);
}

/** Entries of a long list that are encoded together. */
const slice = 32;

/**
 * Encodes one message; throws if a field does not have the shape of its type. A long list is encoded in parts, which joined are the same
 * message: protobufjs makes several objects of each entry, and V8 copies those of a whole page again and again when they live together.
 */
export function encode(type: protobuf.Type, message: object): Buffer {
  if (typeof message !== 'object' || message === null) throw new TypeError(`${type.name} is not an object`);
  const list = Object.entries(message).find(([, value]) => Array.isArray(value) && value.length > slice);
  if (!list) return asBuffer(type.encode(type.fromObject(message)).finish());
  const [key, entries] = list as [string, unknown[]];
  const parts = [encode(type, { ...message, [key]: [] })];
  for (let start = 0; start < entries.length; start += slice) {
    parts.push(encode(type, { [key]: entries.slice(start, start + slice) }));
  }
  return Buffer.concat(parts);
}

/** The same bytes, not a copy. */
function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** A gRPC service whose messages are bytes: its handlers decode and encode, so that they can map every error. */
export function rawDefinition(root: protobuf.Root, service: string): ServiceDefinition {
  const same = (bytes: Buffer): Buffer => bytes;
  const methods = methodsOf(root, service).map((method) => ({
    path: `/${service}/${method.name}`,
    originalName: `${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`,
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }));
  return Object.fromEntries(methods.map((method) => [method.originalName, method]));
}
