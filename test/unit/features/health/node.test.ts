import { beforeEach, expect, test } from 'vitest';
import type { NodeContext, NodePart } from '../../../../src/app/feature.ts';
import type { HangingWork } from '../../../../src/concurrency/patience.ts';
import { createPatience } from '../../../../src/concurrency/patience.ts';
import type { NodeName } from '../../../../src/domain/ids.ts';
import { createHealthNodePart } from '../../../../src/features/health/node.ts';
import type { CallContext } from '../../../../src/grpc/call.ts';
import type { NodeMethods } from '../../../../src/grpc/services.ts';
import { InventoryCache } from '../../../../src/lvm/cache.ts';
import { FakeLvm, spec } from '../../lvm/fake-lvm.ts';

const context = { signal: new AbortController().signal } as CallContext;
const id = 'node-1:x';
const tags = new Set([
  'quarry.v=1',
  'quarry.role=volume',
  `quarry.id=${id}`,
  'quarry.name=x',
  'quarry.layout=thick/1/65536/0',
  'quarry.fs=none',
]);

let lvm: FakeLvm;
let part: NodePart;
let calls: NodeMethods;
let hanging: HangingWork[];
beforeEach(() => {
  lvm = new FakeLvm();
  lvm.volumes.set('x', { size: 4n << 20n, tags });
  hanging = [];
  const cache = new InventoryCache(lvm, 'node-1' as NodeName, [spec]);
  const patience = { ...createPatience(), hanging: () => hanging };
  part = createHealthNodePart({
    config: { rescan: 3_600_000 },
    local: { cache, patience, survivors: { list: () => [] } },
    devices: { find: async () => undefined },
    deviceUses: async () => new Map(),
    log: {},
  } as unknown as NodeContext);
  calls = part.services?.Node as NodeMethods;
});

const ofVolume = async (volumeId: string) => calls.nodeGetVolumeHealth({ volumeId } as never, context);
const ofStorage = async () => calls.nodeGetStorageHealth({} as never, context);

test('a volume is looked up in a new report of LVM at each call', async () => {
  expect(await ofVolume(id)).toEqual({ volumeHealth: { volumeId: id, healthStatuses: [] } });
  lvm.volumes.set('x', { size: 4n << 20n, tags, row: { lv_health_status: 'partial' } });
  expect(await ofVolume(id)).toMatchObject({
    volumeHealth: { healthStatuses: [{ status: 'INACCESSIBLE', reason: 'DiskMissing' }] },
  });
});

test('a volume that no report shows is absent, and one that cannot be looked up is inaccessible', async () => {
  await expect(ofVolume('')).rejects.toMatchObject({ kind: 'invalid' });
  await expect(ofVolume('foreign')).rejects.toMatchObject({ kind: 'not-found' });
  await expect(ofVolume('node-1:none')).rejects.toMatchObject({ kind: 'not-found' });
  lvm.present = false;
  expect(await ofVolume(id)).toMatchObject({
    volumeHealth: { healthStatuses: [{ status: 'INACCESSIBLE', reason: 'StateUnknown' }] },
  });
});

test('the storage is degraded while a read hangs', async () => {
  expect(await ofStorage()).toEqual({ backendHealth: [] });
  hanging = [{ what: 'a read of /dev/mapper/vg-x', since: 0 }];
  expect(await ofStorage()).toMatchObject({
    backendHealth: [
      { status: 'STORAGE_DEGRADED', reason: 'DiskStuck', message: expect.stringContaining('/dev/mapper/vg-x') },
    ],
  });
});
