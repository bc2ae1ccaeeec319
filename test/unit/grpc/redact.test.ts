import * as fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { decode, encode, loadProto } from '../../../src/grpc/load.ts';
import { redact, tokensKey } from '../../../src/grpc/redact.ts';
import { anyMessage } from './arbitrary.ts';

const root = loadProto();
const types = root.lookup('csi.v1', protobuf.Namespace) as protobuf.Namespace;
const withSecrets = types.nestedArray
  .filter((each) => each instanceof protobuf.Type)
  .filter((type) => type.fieldsArray.some((field) => field.options?.['(csi_secret)'] === true));

test('covers every RPC with secrets in the interface', () => {
  expect(withSecrets.map((type) => type.name)).toContain('NodeStageVolumeRequest');
  expect(withSecrets.length).toBe(22);
});

test.each(withSecrets)('hides every secret of $name', (type) => {
  const arbitrary = anyMessage(type, (field) =>
    field.options?.['(csi_secret)'] === true ? 'SECRET' : field.map ? 'CONTEXT' : 'plain',
  );
  fc.assert(
    fc.property(arbitrary, (message) => {
      const shown = JSON.stringify(redact(type, decode(type, encode(type, message))));
      expect(shown).not.toContain('SECRET');
    }),
    { numRuns: 30 },
  );
});

test('hides the tokens of the pod, and no other field of the volume context', () => {
  const type = root.lookupType('csi.v1.NodePublishVolumeRequest');
  const context = { [tokensKey]: 'TOKEN', 'csi.storage.k8s.io/pod.name': 'db-0' };
  expect(redact(type, { volumeId: 'v1', volumeContext: context, publishContext: context })).toEqual({
    volumeId: 'v1',
    volumeContext: { [tokensKey]: '[redacted]', 'csi.storage.k8s.io/pod.name': 'db-0' },
    publishContext: { [tokensKey]: '[redacted]', 'csi.storage.k8s.io/pod.name': 'db-0' },
  });
});

test('goes by the option, at any depth, in lists and maps, not by the name of the field', () => {
  const source = `syntax = "proto3";
    message Inner { string pin = 1 [(csi_secret) = true]; string secrets = 2; }
    message Outer { Inner one = 1; repeated Inner many = 2; map<string, Inner> named = 3; repeated string keys = 4 [(csi_secret) = true]; }`;
  const type = protobuf.parse(source).root.resolveAll().lookupType('Outer');
  const inner = { pin: 'SECRET', secrets: 'shown' };
  const redacted = { pin: '[redacted]', secrets: 'shown' };
  expect(redact(type, { one: inner, many: [inner], named: { a: inner }, keys: ['SECRET'], unknown: 'SECRET' })).toEqual(
    {
      one: redacted,
      many: [redacted],
      named: { a: redacted },
      keys: '[redacted]',
    },
  );
});
