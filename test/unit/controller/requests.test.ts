import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { parseCreate } from '../../../src/controller/requests.ts';
import type { CreateVolumeRequest } from '../../../src/gen/csi/v1/CreateVolumeRequest.ts';

function request(fsType: string, requiredBytes: bigint, limitBytes = 0n): CreateVolumeRequest {
  return {
    name: 'v',
    capacityRange: { requiredBytes: String(requiredBytes), limitBytes: String(limitBytes) },
    volumeCapabilities: [{ mount: { fsType }, accessMode: { mode: 'SINGLE_NODE_WRITER' } }],
    parameters: {},
    mutableParameters: {},
    secrets: {},
    volumeContentSource: null,
    accessibilityRequirements: null,
  } as unknown as CreateVolumeRequest;
}

describe('the size of a volume that is to hold a filesystem', () => {
  test.each([
    ['ext4', 16n],
    ['xfs', 300n],
    ['btrfs', 256n],
  ])('of %s is %i MiB where 16 MiB were asked for', (type, least) => {
    expect(parseCreate(request(type, 16n * MiB), 'd.test').size.required).toBe(least * MiB);
  });

  test('is not raised above a limit: the request is out of range', () => {
    expect(() => parseCreate(request('btrfs', 128n * MiB, 255n * MiB), 'd.test')).toThrow(/255|btrfs/);
    expect(parseCreate(request('btrfs', 128n * MiB, 256n * MiB), 'd.test').size.required).toBe(256n * MiB);
  });
});

test('the claim is the one that the provisioner of Kubernetes names, with the uid that is in the name of the volume', () => {
  const parameters = { 'csi.storage.k8s.io/pvc/name': 'data', 'csi.storage.k8s.io/pvc/namespace': 'db' };
  const claimOf = (name: string, change = {}) =>
    parseCreate({ ...request('ext4', MiB), name, parameters, ...change }, 'd.test').claim;
  const uid = '0f5a4f4e-7f1c-4a55-9c7e-3d1b1c6d2a10';
  expect(claimOf(`pvc-${uid}`)).toEqual({ namespace: 'db', name: 'data', uid });
  expect(claimOf('v')).toEqual({ namespace: 'db', name: 'data', uid: undefined });
  expect(claimOf('v', { parameters: {} })).toBeUndefined();
});
