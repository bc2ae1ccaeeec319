import { describe, expect, test } from 'vitest';
import { createNodeService, type NodeService } from '../../../src/node/service.ts';
import { call, failure, mountCapability, publishRequest, stageRequest } from './calls.ts';
import { FakeNode, node } from './fake-node.ts';

function setup(): { service: NodeService; id: string } {
  const fake = new FakeNode();
  const id = fake.addVolume('a');
  return { id, service: createNodeService({ ...fake.tools, node, driver: 'd.test' }) };
}

describe('naming everything that a request lacks', () => {
  test('names all missing fields of a stage', async () => {
    const { service } = setup();
    const message = await failure(
      'invalid',
      service.nodeStageVolume({ ...stageRequest('', null), stagingTargetPath: '' }, call),
    );
    expect(message).toMatch(/volume_id.*staging_target_path.*volume_capability/);
  });

  test('names all missing fields of a publish', async () => {
    const { service } = setup();
    const message = await failure(
      'invalid',
      service.nodePublishVolume(publishRequest('', null, { targetPath: '' }), call),
    );
    expect(message).toMatch(/volume_id.*target_path.*volume_capability/);
  });

  test('names all missing fields of unstage, unpublish, stats and expand', async () => {
    const { service } = setup();
    const none = { volumeId: '', stagingTargetPath: '', targetPath: '', volumePath: '' };
    const both = /volume_id is missing; \w+_path is missing/;
    expect(await failure('invalid', service.nodeUnstageVolume(none, call))).toMatch(both);
    expect(await failure('invalid', service.nodeUnpublishVolume(none, call))).toMatch(both);
    expect(await failure('invalid', service.nodeGetVolumeStats(none, call))).toMatch(both);
    const expand = { ...none, capacityRange: null, volumeCapability: null, secrets: {} };
    expect(await failure('invalid', service.nodeExpandVolume(expand, call))).toMatch(both);
  });
});

test.each(['relative/path', '/', '//', '/a/../b', '/a/..', '/a\0b', '..'])('refuses the path %j', async (path) => {
  const { id, service } = setup();
  await expect(service.nodeStageVolume({ ...stageRequest(id), stagingTargetPath: path }, call)).rejects.toMatchObject({
    kind: 'invalid',
  });
  await expect(
    service.nodePublishVolume(publishRequest(id, undefined, { targetPath: path }), call),
  ).rejects.toMatchObject({ kind: 'invalid' });
  await expect(
    service.nodePublishVolume(publishRequest(id, undefined, { stagingTargetPath: path }), call),
  ).rejects.toMatchObject({ kind: 'invalid' });
  await expect(service.nodeUnpublishVolume({ volumeId: id, targetPath: path }, call)).rejects.toMatchObject({
    kind: 'invalid',
  });
  await expect(service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: path }, call)).rejects.toMatchObject({
    kind: 'invalid',
  });
});

test.each(['no id of ours', 'n1:gone'])('throws not-found for the volume %j, which does not exist', async (id) => {
  const { service } = setup();
  await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(service.nodePublishVolume(publishRequest(id), call)).rejects.toMatchObject({ kind: 'not-found' });
  const at = { volumeId: id, volumePath: '/p', stagingTargetPath: '' };
  await expect(service.nodeGetVolumeStats(at, call)).rejects.toMatchObject({ kind: 'not-found' });
  await expect(
    service.nodeExpandVolume({ ...at, capacityRange: null, volumeCapability: null, secrets: {} }, call),
  ).rejects.toMatchObject({ kind: 'not-found' });
});

test('refuses an access mode for several nodes', async () => {
  const { id, service } = setup();
  const capability = { ...mountCapability(), accessMode: { mode: 'MULTI_NODE_MULTI_WRITER' as const } };
  await expect(service.nodeStageVolume(stageRequest(id, capability), call)).rejects.toMatchObject({ kind: 'invalid' });
});

test('returns info and capabilities', async () => {
  const { service } = setup();
  expect(await service.nodeGetInfo({}, call)).toEqual({
    nodeId: 'n1',
    maxVolumesPerNode: '1000',
    accessibleTopology: { segments: { 'topology.d.test/node': 'n1' } },
  });
  const { capabilities } = await service.nodeGetCapabilities({}, call);
  expect(capabilities?.map(({ rpc }) => rpc?.type)).toEqual([
    'STAGE_UNSTAGE_VOLUME',
    'GET_VOLUME_STATS',
    'EXPAND_VOLUME',
    'SINGLE_NODE_MULTI_WRITER',
  ]);
});
