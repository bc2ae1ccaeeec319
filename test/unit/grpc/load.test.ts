import { join } from 'node:path';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import {
  admin,
  csi,
  fleet,
  loadProto,
  nodePools,
  nodeSnapshots,
  nodeVolumes,
  parseProto,
  pluginRegistration,
} from '../../../src/grpc/load.ts';

const proto = join(import.meta.dirname, '../../../proto');

/** All that decides how a message is read and written, and what redaction and the limits of fields ask for. */
function described(space: protobuf.NamespaceBase): string[] {
  return space.nestedArray.flatMap((one) => [
    ...(one instanceof protobuf.Type ? one.fieldsArray.map(ofField) : []),
    ...(one instanceof protobuf.Enum ? [JSON.stringify([one.fullName, one.values, one.options])] : []),
    ...(one instanceof protobuf.Service ? one.methodsArray.map(ofMethod) : []),
    ...(one instanceof protobuf.Field ? [ofField(one)] : []),
    ...(one instanceof protobuf.Namespace ? described(one) : []),
  ]);
}

function ofField(field: protobuf.Field): string {
  const { fullName, id, type, resolvedType, map, repeated, required, packed, delimited, hasPresence } = field;
  const { defaultValue, partOf, options } = field;
  const named = [fullName, id, type, resolvedType?.fullName, map && 'keyType' in field && field.keyType, partOf?.name];
  return JSON.stringify([...named, repeated, required, packed, delimited, hasPresence, defaultValue, options]);
}

function ofMethod(method: protobuf.Method): string {
  const { fullName, resolvedRequestType, resolvedResponseType, requestStream, responseStream } = method;
  const types = [resolvedRequestType?.fullName, resolvedResponseType?.fullName];
  return JSON.stringify([fullName, ...types, requestStream, responseStream]);
}

test.each([csi, pluginRegistration, admin, fleet, nodeVolumes, nodeSnapshots, nodePools])(
  'what the bundle has of $file is what the file says',
  (one) => {
    const text = JSON.stringify(parseProto(join(proto, one.file)).toJSON());
    const bundled = protobuf.Root.fromJSON(JSON.parse(text) as protobuf.INamespace);
    bundled.resolveAll();
    const expected = described(loadProto(one));
    expect(expected.length).toBeGreaterThan(5);
    expect(described(bundled)).toEqual(expected);
  },
);
