import { expect, test } from 'vitest';
import type { Provisioner } from '../../../src/controller/provisioner.ts';
import { createControllerService } from '../../../src/controller/service.ts';
import type { ControllerExpandVolumeRequest } from '../../../src/gen/csi/v1/ControllerExpandVolumeRequest.ts';
import type { ValidateVolumeCapabilitiesRequest } from '../../../src/gen/csi/v1/ValidateVolumeCapabilitiesRequest.ts';
import { memoryLog } from '../grpc/harness.ts';

const found = { get: () => Promise.resolve({}) } as unknown as Provisioner;
const block = { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } };

function validate(volumeCapabilities: readonly object[]) {
  const { validateVolumeCapabilities: call } = createControllerService(found, 'd.test');
  const request = { volumeId: 'a:pvc-1', volumeCapabilities, volumeContext: {}, parameters: {} };
  return call?.(request as unknown as ValidateVolumeCapabilitiesRequest, {
    signal: new AbortController().signal,
    log: memoryLog().log,
  });
}

test('an expansion without a size is refused', async () => {
  const { controllerExpandVolume: call } = createControllerService(found, 'd.test');
  const request = { volumeId: 'a:pvc-1', capacityRange: null } as unknown as ControllerExpandVolumeRequest;
  const answer = call?.(request, { signal: new AbortController().signal, log: memoryLog().log });
  await expect(answer).rejects.toMatchObject({ kind: 'invalid', message: 'capacity_range is missing' });
});

test('a validation of no capabilities is refused, and one of a capability confirms it', async () => {
  await expect(validate([])).rejects.toMatchObject({ kind: 'invalid', message: 'volume_capabilities is missing' });
  expect(await validate([block])).toMatchObject({ confirmed: { volumeCapabilities: [block] } });
});
