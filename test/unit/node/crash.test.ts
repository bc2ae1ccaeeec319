import { describe, expect, test } from 'vitest';
import { createNodeService, type NodeService } from '../../../src/node/service.ts';
import type { FilesystemType } from '../../../src/domain/volume.ts';
import { blockCapability, call, mountCapability, publishRequest, staging, stageRequest, target } from './calls.ts';
import { FakeNode, GiB, node } from './fake-node.ts';

type Step = (service: NodeService, id: string) => Promise<unknown>;
const stageMount: Step = (service, id) => service.nodeStageVolume(stageRequest(id), call);
const stageBlock: Step = (service, id) => service.nodeStageVolume(stageRequest(id, blockCapability()), call);
const publishMount: Step = (service, id) =>
  service.nodePublishVolume(publishRequest(id, mountCapability(), { readonly: true }), call);
const publishBlock: Step = (service, id) => service.nodePublishVolume(publishRequest(id, blockCapability()), call);
const unpublish: Step = (service, id) => service.nodeUnpublishVolume({ volumeId: id, targetPath: target }, call);
const unstage: Step = (service, id) => service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: staging }, call);

const used = { type: 'ext4' as FilesystemType, state: 'used' as const, size: GiB };
const fresh = { tag: 'none' as const, content: undefined };
const grown = { tag: 'ext4' as const, content: used, size: 2n * GiB };
const adopted = { tag: 'none' as const, content: used };

const scenarios: [string, Parameters<FakeNode['addVolume']>[1], Step[]][] = [
  ['stage of a blank volume', fresh, [stageMount]],
  ['stage of a volume that was expanded', grown, [stageMount]],
  ['stage of a filesystem that is not on record', adopted, [stageMount]],
  ['stage for block access', fresh, [stageBlock]],
  ['publish', grown, [stageMount, publishMount]],
  ['publish for block access', fresh, [stageBlock, publishBlock]],
  ['unpublish', grown, [stageMount, publishMount, unpublish]],
  ['unpublish for block access', fresh, [stageBlock, publishBlock, unpublish]],
  ['unstage', grown, [stageMount, unstage]],
  ['unstage for block access', fresh, [stageBlock, unstage]],
];

async function prepared(
  disk: Parameters<FakeNode['addVolume']>[1],
  before: Step[],
  layers: readonly string[],
): Promise<{ fake: FakeNode; service: NodeService; id: string }> {
  const fake = new FakeNode(layers);
  const id = fake.addVolume('a', structuredClone(disk));
  const service = createNodeService({ ...fake.tools, node, driver: 'd.test' });
  for (const step of before) await step(service, id);
  fake.dieAt(undefined);
  return { fake, id, service };
}

const stacks: [string, string[]][] = [
  ['without layers', []],
  ['on a stack of two layers', ['low', 'high']],
];
const all = stacks.flatMap(([on, layers]) =>
  scenarios.map(([what, disk, steps]) => [`${what}, ${on}`, layers, disk, steps] as const),
);

describe.each(all)('%s', (_, layers, disk, steps) => {
  const last = steps.at(-1) as Step;

  test('a repeated call after a death before or after any change gives the result of an undisturbed call', async () => {
    const undisturbed = await prepared(disk, steps.slice(0, -1), layers);
    await last(undisturbed.service, undisturbed.id);
    const count = undisturbed.fake.changes.length;
    expect(count).toBeGreaterThan(0);
    for (let step = 1; step <= count; step++) {
      for (const when of ['before', 'after'] as const) {
        const { fake, id, service } = await prepared(disk, steps.slice(0, -1), layers);
        fake.dieAt({ step, when });
        await expect(last(service, id)).rejects.toThrow('died');
        fake.dieAt(undefined);
        await last(service, id);
        expect(fake.state(), `${when} change ${step}`).toEqual(undisturbed.fake.state());
      }
    }
  });

  test('an undo after a death leaves no mount and no file', async () => {
    const undisturbed = await prepared(disk, steps.slice(0, -1), layers);
    await last(undisturbed.service, undisturbed.id);
    for (let step = 1; step <= undisturbed.fake.changes.length; step++) {
      const { fake, id, service } = await prepared(disk, steps.slice(0, -1), layers);
      fake.dieAt({ step, when: 'after' });
      await expect(last(service, id)).rejects.toThrow('died');
      fake.dieAt(undefined);
      await unpublish(service, id);
      await unstage(service, id);
      expect(fake.table).toEqual([]);
      expect(fake.state()).toMatchObject({ devices: ['/dev/mapper/vg-a'] });
      expect([...fake.paths.keys()].filter((path) => path !== staging)).toEqual([]);
    }
  });
});
