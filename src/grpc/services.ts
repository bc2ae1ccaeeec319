import type { handleServerStreamingCall, handleUnaryCall, Server } from '@grpc/grpc-js';
import type { ControllerHandlers } from '../gen/csi/v1/Controller.ts';
import type { GroupControllerHandlers } from '../gen/csi/v1/GroupController.ts';
import type { IdentityHandlers } from '../gen/csi/v1/Identity.ts';
import type { NodeHandlers } from '../gen/csi/v1/Node.ts';
import type { SnapshotMetadataHandlers } from '../gen/csi/v1/SnapshotMetadata.ts';
import type { AdminHandlers } from '../gen/quarry/admin/v1/Admin.ts';
import type { RegistrationHandlers } from '../gen/pluginregistration/Registration.ts';
import type { SnapshotsHandlers } from '../gen/quarry/node/v1/Snapshots.ts';
import type { VolumesHandlers } from '../gen/quarry/node/v1/Volumes.ts';
import { type Interface, loadProto, methodsOf, rawDefinition } from './load.ts';
import type { CallHooks, Message } from './call.ts';
import { serverStream, type StreamHandler } from './stream.ts';
import { unary, type UnaryHandler } from './unary.ts';

/** The methods of a generated service as async functions under camelCase names, without its index signature. */
type Methods<Handlers> = {
  [
    Name in keyof Handlers as string extends Name ? never : Uncapitalize<Name & string>
  ]: Handlers[Name] extends handleServerStreamingCall<infer Request, infer Response>
    ? StreamHandler<Request, Response>
    : Handlers[Name] extends handleUnaryCall<infer Request, infer Response>
      ? UnaryHandler<Request, Response>
      : never;
};

/** CSI Identity, as async functions. */
export type IdentityMethods = Methods<IdentityHandlers>;
/** CSI Controller, as async functions. */
export type ControllerMethods = Methods<ControllerHandlers>;
/** CSI GroupController, as async functions. */
export type GroupControllerMethods = Methods<GroupControllerHandlers>;
/** CSI Node, as async functions. */
export type NodeMethods = Methods<NodeHandlers>;
/** CSI SnapshotMetadata, as async generators. */
export type SnapshotMetadataMethods = Methods<SnapshotMetadataHandlers>;
/** `quarry.admin.v1`, as async functions: the calls of the command line. */
export type AdminMethods = Methods<AdminHandlers>;
/** Kubelet's plugin registration, as async functions. */
export type RegistrationMethods = Methods<RegistrationHandlers>;
/** A node's methods, which a controller calls over the stream between them. */
export type VolumesMethods = Methods<VolumesHandlers>;
/** The same for its snapshots. */
export type SnapshotsMethods = Methods<SnapshotsHandlers>;

/** The CSI services of a server. A missing method or service answers UNIMPLEMENTED. */
export interface Services {
  readonly Identity?: Partial<IdentityMethods>;
  readonly Controller?: Partial<ControllerMethods>;
  readonly GroupController?: Partial<GroupControllerMethods>;
  readonly Node?: Partial<NodeMethods>;
  readonly SnapshotMetadata?: Partial<SnapshotMetadataMethods>;
}

type LooseHandler = UnaryHandler<Message, object> & StreamHandler<Message, object>;
type LooseHandlers = Readonly<Record<string, LooseHandler | undefined>>;

/** Adds the services to a server. Throws on a handler without a method: a mistake in the code. */
export function bindServices(server: Server, proto: Interface, services: object, hooks: CallHooks): void {
  const root = loadProto(proto);
  for (const [name, handlers] of Object.entries(services)) {
    const service = `${proto.package}.${name}`;
    const definition = rawDefinition(root, service);
    // The types tie each handler to its method; this code reads the methods from the proto and treats all alike.
    const loose = handlers as LooseHandlers;
    for (const key of Object.keys(loose)) {
      if (!(key in definition)) throw new Error(`${service} has no method ${key}`);
    }
    const bound = methodsOf(root, service).map((method) => {
      const key = `${method.name.charAt(0).toLowerCase()}${method.name.slice(1)}`;
      const bind = method.responseStream === true ? serverStream : unary;
      return [key, bind(method, loose[key], hooks)];
    });
    server.addService(definition, Object.fromEntries(bound));
  }
}
