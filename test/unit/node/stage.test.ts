import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { createNodeService, type NodeService } from '../../../src/node/service.ts';
import {
  blockCapability,
  call,
  failure,
  mountCapability,
  publishRequest,
  staging,
  stageRequest,
  target,
} from './calls.ts';
import { type Disk, FakeNode, GiB, node } from './fake-node.ts';

function setup(disk: Partial<Disk> = {}): { fake: FakeNode; service: NodeService; id: string } {
  const fake = new FakeNode();
  const id = fake.addVolume('a', disk);
  return { fake, id, service: createNodeService({ ...fake.tools, node, driver: 'd.test' }) };
}
const ext4 = { type: 'ext4', state: 'used', size: GiB } as const;

describe('staging a filesystem', () => {
  test('formats a blank volume that was never formatted, records that, then mounts it', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual(['mkfs ext4', 'record ext4', `mkdir ${staging}`, `mount ${staging}`]);
  });

  test('changes nothing in a second call', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    fake.changes.length = 0;
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual([]);
  });

  test('checks and mounts a formatted volume, and grows it if its device is larger', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 }, size: 2n * GiB });
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual(['check', `mkdir ${staging}`, `mount ${staging}`, 'grow']);
  });

  test('mounts a btrfs that the kernel cannot grow at its present size', async () => {
    const content = { type: 'btrfs', state: 'used', size: 112n * MiB } as const;
    const { fake, id, service } = setup({ tag: 'btrfs', content, size: 200n * MiB });
    await service.nodeStageVolume(stageRequest(id, mountCapability('btrfs')), call);
    expect(fake.changes).toEqual(['check', `mkdir ${staging}`, `mount ${staging}`]);
  });

  test('does not grow a volume in a read-only stage', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 }, size: 2n * GiB });
    await service.nodeStageVolume(stageRequest(id, mountCapability('ext4', ['ro'])), call);
    expect(fake.changes).not.toContain('grow');
  });

  test('keeps a filesystem without a record, checks it in full, and records it', async () => {
    const { fake, id, service } = setup({ content: { ...ext4 } });
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes.slice(0, 2)).toEqual(['check in full', 'record ext4']);
  });

  test.each<[string, Partial<Disk>]>([
    ['no content but a record of a filesystem', { tag: 'ext4' }],
    ['another filesystem', { tag: 'xfs', content: { ...ext4, type: 'xfs' } }],
    ['another filesystem that is not on record', { content: { ...ext4, type: 'xfs' } }],
    ['a partition table', { content: 'a gpt partition table' }],
    ['encryption', { content: 'crypto_LUKS' }],
    ['errors that need a person', { tag: 'ext4', content: { ...ext4 }, damaged: true }],
  ])('leaves a device alone that has %s', async (_, disk) => {
    const { fake, id, service } = setup(disk);
    const before = structuredClone(fake.disks);
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'precondition' });
    expect(fake.disks).toEqual(before);
    expect(fake.table).toEqual([]);
  });

  test('names both filesystems in the refusal', async () => {
    const { id, service } = setup({ content: { ...ext4, type: 'xfs' } });
    expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toMatch(/ext4.*xfs/);
  });

  test('does not format a device that cannot be read', async () => {
    const { fake, id, service } = setup({ readable: false });
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'unavailable' });
    expect(fake.changes).toEqual([]);
  });

  test('refuses a path that is in use for another volume, filesystem, mode or access', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    const other = fake.addVolume('b');
    await service.nodeStageVolume(stageRequest(id), call);
    await expect(service.nodeStageVolume(stageRequest(other), call)).rejects.toMatchObject({ kind: 'exists' });
    await expect(service.nodeStageVolume(stageRequest(id, mountCapability('xfs')), call)).rejects.toMatchObject({
      kind: 'exists',
    });
    await expect(
      service.nodeStageVolume(stageRequest(id, mountCapability('ext4', ['ro'])), call),
    ).rejects.toMatchObject({ kind: 'exists' });
    await expect(service.nodeStageVolume(stageRequest(id, blockCapability()), call)).rejects.toMatchObject({
      kind: 'exists',
    });
  });

  test.each([
    ['a filesystem', mountCapability('ext4'), blockCapability()],
    ['a raw block device', blockCapability(), mountCapability('ext4')],
  ])('refuses a volume that is in use as %s in another form, and says where', async (form, first, other) => {
    const { id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    await service.nodeStageVolume(stageRequest(id, first), call);
    const elsewhere = { ...stageRequest(id, other), stagingTargetPath: `${staging}-2` };
    const message = expect.stringContaining(`volume ${id} is in use as ${form} at ${staging}`);
    await expect(service.nodeStageVolume(elsewhere, call)).rejects.toMatchObject({ kind: 'precondition', message });
  });

  test('mounts a volume again without a check if its staging mount vanished under its pods', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    fake.table = fake.table.filter((mount) => mount.target !== staging);
    fake.changes.length = 0;
    await service.nodeStageVolume(stageRequest(id), call);
    expect(fake.changes).toEqual([`mkdir ${staging}`, `mount ${staging}`]);
  });

  test('throws busy for a second call during the first', async () => {
    const { id, service } = setup();
    const first = service.nodeStageVolume(stageRequest(id), call);
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'busy' });
    await first;
  });

  test.each([
    ['mkfs', 'make', {}],
    ['a check in full', 'check', { content: { ...ext4 } }],
  ] as const)(
    'records the result of %s for a caller that gave up, so that it is not repeated',
    async (_, tool, disk) => {
      const { fake, id, service } = setup(structuredClone(disk));
      const caller = new AbortController();
      const { filesystems } = fake.tools;
      const work = filesystems[tool] as (...given: unknown[]) => Promise<void>;
      Object.assign(filesystems, {
        [tool]: async (...given: unknown[]) => {
          caller.abort();
          return work(...given);
        },
      });
      await service.nodeStageVolume(stageRequest(id), caller);
      expect(fake.disks.get('a')?.tag).toBe('ext4');
    },
  );

  test('starts no mkfs for a caller that gave up', async () => {
    const { fake, id, service } = setup();
    await expect(service.nodeStageVolume(stageRequest(id), { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(fake.changes).toEqual([]);
  });
});

describe('staging a block device', () => {
  test('binds nothing for a caller that gave up', async () => {
    const { fake, id } = setup();
    const caller = new AbortController();
    const { mounts } = fake.tools;
    const read = async () => {
      caller.abort();
      return mounts.read();
    };
    const service = createNodeService({ ...fake.tools, mounts: { ...mounts, read }, node, driver: 'd.test' });
    await expect(service.nodeStageVolume(stageRequest(id, blockCapability()), caller)).rejects.toThrow('aborted');
    expect(fake.changes).toEqual([]);
  });

  test('binds the device node to a file below the staging path, once', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    expect(fake.changes).toEqual(['record block', `touch ${staging}/device`, `bind ${staging}/device`]);
  });

  test('refuses to make or mount a filesystem on a volume that was staged as a block device', async () => {
    for (const content of [undefined, { ...ext4 }] as const) {
      const { fake, id, service } = setup();
      await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
      await service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: staging }, call);
      Object.assign(fake.disks.get('a') as Disk, { content });
      const before = fake.state();
      expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toContain('raw block');
      expect(fake.state()).toEqual(before);
    }
  });

  test('keeps the record of a filesystem when it is staged as a block device', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    expect(fake.disks.get('a')?.tag).toBe('ext4');
  });

  test('refuses while the volume is mounted elsewhere as a filesystem, and the reverse', async () => {
    const { fake, id, service } = setup({ tag: 'ext4', content: { ...ext4 } });
    const other = (capability = mountCapability()): ReturnType<typeof stageRequest> => ({
      ...stageRequest(id, capability),
      stagingTargetPath: '/kubelet/other',
    });
    await service.nodeStageVolume(stageRequest(id), call);
    const before = fake.state();
    expect(await failure('precondition', service.nodeStageVolume(other(blockCapability()), call))).toContain(staging);
    expect(fake.state()).toEqual(before);
    await service.nodeUnstageVolume({ volumeId: id, stagingTargetPath: staging }, call);
    await service.nodeStageVolume(other(blockCapability()), call);
    expect(await failure('precondition', service.nodeStageVolume(stageRequest(id), call))).toContain('/kubelet/other');
  });

  test('refuses another device at that file, and a filesystem at its path', async () => {
    const { fake, id, service } = setup();
    const other = fake.addVolume('b');
    await service.nodeStageVolume(stageRequest(id, blockCapability()), call);
    await expect(service.nodeStageVolume(stageRequest(other, blockCapability()), call)).rejects.toMatchObject({
      kind: 'exists',
    });
    await expect(service.nodeStageVolume(stageRequest(id), call)).rejects.toMatchObject({ kind: 'exists' });
  });
});

describe('unstaging', () => {
  const request = (volumeId: string): { volumeId: string; stagingTargetPath: string } => ({
    volumeId,
    stagingTargetPath: staging,
  });

  test.each(['mount', 'block'] as const)('undoes a stage for %s access with all its layers', async (access) => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id, access === 'block' ? blockCapability() : mountCapability()), call);
    fake.table = [...fake.table, ...fake.table];
    await service.nodeUnstageVolume(request(id), call);
    await service.nodeUnstageVolume(request(id), call);
    expect(fake.table).toEqual([]);
    expect([...fake.paths.keys()].filter((path) => path !== staging)).toEqual([]);
  });

  test('works after the volume was deleted, and does nothing for an unknown id', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodeUnstageVolume(request('something else'), call);
    expect(fake.table).toHaveLength(1);
    await service.nodeUnstageVolume(request('n1:gone'), call);
    expect(fake.table).toEqual([]);
  });

  test('refuses while the volume is published', async () => {
    const { fake, id, service } = setup();
    await service.nodeStageVolume(stageRequest(id), call);
    await service.nodePublishVolume(publishRequest(id), call);
    const before = fake.state();
    expect(await failure('precondition', service.nodeUnstageVolume(request(id), call))).toContain(target);
    expect(fake.state()).toEqual(before);
  });
});
