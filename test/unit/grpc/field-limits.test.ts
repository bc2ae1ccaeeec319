import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFailure } from '../../../src/domain/errors.ts';
import { checkFieldLimits } from '../../../src/grpc/field-limits.ts';
import { loadProto } from '../../../src/grpc/load.ts';
import { tokensKey } from '../../../src/grpc/redact.ts';
import { anyMessage } from './arbitrary.ts';

const root = loadProto();

function problem(type: string, message: Record<string, unknown>): string | undefined {
  try {
    checkFieldLimits(root.lookupType(`csi.v1.${type}`), message);
    return undefined;
  } catch (error) {
    if (isFailure(error, 'invalid')) return error.message;
    throw error;
  }
}

test('accepts names of any Unicode up to 128 bytes, and refuses longer ones', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 128 }).filter((text) => !/\p{Cc}/u.test(text));
  fc.assert(
    fc.property(name, (text) => {
      const size = Buffer.byteLength(text);
      const expected = size > 128 ? `name is ${size} bytes long, the limit is 128` : undefined;
      expect(problem('CreateVolumeRequest', { name: text })).toBe(expected);
    }),
  );
});

test('refuses exactly the control characters in names that CSI bans', () => {
  for (let code = 0; code < 0x3000; code++) {
    const banned =
      code <= 8 || code === 0xb || code === 0xc || (code >= 0xe && code <= 0x1f) || (code >= 0x7f && code <= 0x9f);
    const name = `a${String.fromCodePoint(code)}b`;
    expect(problem('CreateSnapshotRequest', { name }), `U+${code.toString(16)}`).toBe(
      banned ? 'name has a control character' : undefined,
    );
  }
});

test.each([
  ['NodeExpandVolumeRequest', 'volumeId', 'volume_id', 128],
  ['ListVolumesRequest', 'startingToken', 'starting_token', 128],
  ['ControllerPublishVolumeRequest', 'nodeId', 'node_id', 256],
  ['NodePublishVolumeRequest', 'targetPath', 'target_path', 4096],
  ['NodePublishVolumeRequest', 'stagingTargetPath', 'staging_target_path', 4096],
  ['NodeGetVolumeStatsRequest', 'volumePath', 'volume_path', 4096],
  ['NodeGetVolumeHealthRequest', 'volumePublishPath', 'volume_publish_path', 4096],
])('%s.%s: accepts the limit itself, and names the field at one byte more', (type, field, name, limit) => {
  expect(problem(type, { [field]: 'x'.repeat(limit) })).toBeUndefined();
  expect(problem(type, { [field]: 'x'.repeat(limit + 1) })).toBe(
    `${name} is ${limit + 1} bytes long, the limit is ${limit}`,
  );
});

test('limits all keys and values of a map together', () => {
  const map = (size: number) => ({ parameters: { a: 'x'.repeat(size - 2), b: '' } });
  expect(problem('CreateVolumeRequest', map(4096))).toBeUndefined();
  expect(problem('CreateVolumeRequest', map(4097))).toBe('parameters is 4097 bytes long, the limit is 4096');
});

test('does not count the tokens of the pod', () => {
  const message = { volumeContext: { [tokensKey]: 'x'.repeat(5000) } };
  expect(problem('NodePublishVolumeRequest', message)).toBeUndefined();
});

test('refuses a path with a zero byte', () => {
  expect(problem('NodeStageVolumeRequest', { stagingTargetPath: '/a\0b' })).toBe('staging_target_path has a zero byte');
});

test('names every field over its limit with its path, without its value', () => {
  const long = 'SECRET'.repeat(1000);
  const message = {
    volumeId: long,
    secrets: { key: long },
    volumeCapability: { mount: { fsType: long, mountFlags: [long] } },
  };
  const text = problem('NodeStageVolumeRequest', message);
  expect(text?.split('; ').map((each) => each.split(' ')[0])).toEqual([
    'volume_id',
    'volume_capability.mount.fs_type',
    'volume_capability.mount.mount_flags',
    'secrets',
  ]);
  expect(text).not.toContain('SECRET');
  const ids = { sourceVolumeIds: Array.from({ length: 500 }, () => long) };
  expect(problem('CreateVolumeGroupSnapshotRequest', ids)).toMatch(/source_volume_ids\[19\].*; and 480 more$/);
});

test('accepts a mount flag longer than a string may be', () => {
  const mountFlags = [`context="${'x'.repeat(300)}"`];
  expect(problem('NodeStageVolumeRequest', { volumeCapability: { mount: { mountFlags } } })).toBeUndefined();
});

test.each(['CreateVolumeRequest', 'NodePublishVolumeRequest', 'CreateSnapshotRequest', 'GetCapacityRequest'])(
  'accepts any small %s',
  (name) => {
    const type = root.lookupType(`csi.v1.${name}`);
    fc.assert(
      fc.property(
        anyMessage(type, () => 'text'),
        (message) => {
          expect(problem(name, message)).toBeUndefined();
        },
      ),
    );
  },
);
