import { beforeEach, describe, expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import type { SnapshotId, VolumeId } from '../../../../src/domain/ids.ts';
import type { VolumeSpec } from '../../../../src/domain/volume.ts';
import { createChangedBlocksPart } from '../../../../src/features/changed-blocks/csi.ts';
import type { GetMetadataAllocatedResponseInit } from '../../../../src/gen/csi/v1/GetMetadataAllocatedResponse.ts';
import type { CallContext } from '../../../../src/grpc/call.ts';
import { memoryBlock } from '../../../support/memory-snapshots.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { controllerOf } from '../../controller/wishes.ts';

const context = { signal: new AbortController().signal } as CallContext;
const size = 4n * MiB;
const [x, y] = ['a:x', 'a:y'] as VolumeId[] as [VolumeId, VolumeId];
const wish = (name: string): VolumeSpec =>
  ({
    name,
    pool: 'fast',
    layout: { type: 'thin' },
    size: { required: size },
    mkfsOptions: [],
    qos: { limits: {}, reservations: {} },
  }) as never;

let node: MemoryStorage;
let part: ReturnType<typeof createChangedBlocksPart>;
beforeEach(async () => {
  const thin = { share: 50, overprovision: 10, refuseAt: 90 } as never;
  const pool = emptyPool(thickSpec('fast', { type: 'thin', thin }), 1024n * MiB);
  node = new MemoryStorage('a', [
    { ...pool, thin: { size: 512n * MiB, promised: 0n, dataPercent: 0, metadataPercent: 0 } },
  ]);
  const { provisioner } = controllerOf([node, new MemoryStorage('b', [pool])]);
  part = createChangedBlocksPart({ registry: provisioner.registry });
  for (const name of ['x', 'y']) await node.create(wish(name), context.signal);
  for (const block of [1n, 3n, 5n]) node.snapshots.write(x, block, 'first');
  await take('1', x);
  for (const block of [3n, 4n]) node.snapshots.write(x, block, 'second');
  await take('2', x);
  await take('3', y);
});

const take = (name: string, source: VolumeId) => node.snapshots.take({ name: `snapshot-${name}`, source });
const idOf = (name: string) => `a:snap-${name}` as SnapshotId;
const page = { startingOffset: '0', maxResults: 0, secrets: {} };
type Messages = Promise<GetMetadataAllocatedResponseInit[]>;
/** A handler may throw at once: the server treats that alike. */
const allocated = async (snapshotId: string, over: object = {}): Messages =>
  Array.fromAsync(
    part.services?.SnapshotMetadata?.getMetadataAllocated?.({ snapshotId, ...page, ...over }, context) ?? [],
  );
const delta = async (baseSnapshotId: string, targetSnapshotId: string, over: object = {}): Messages =>
  Array.fromAsync(
    part.services?.SnapshotMetadata?.getMetadataDelta?.(
      { baseSnapshotId, targetSnapshotId, ...page, ...over },
      context,
    ) ?? [],
  );
const at = (block: bigint) => ({ byteOffset: String(block * memoryBlock), sizeBytes: String(memoryBlock) });
const listed = (messages: readonly GetMetadataAllocatedResponseInit[]) =>
  messages.flatMap(({ blockMetadata }) => blockMetadata);

describe('the blocks of a snapshot', () => {
  test('are those that were written, or that differ from another snapshot of the volume', async () => {
    const messages = await allocated(idOf('2'));
    expect(listed(messages)).toEqual([1n, 3n, 4n, 5n].map(at));
    for (const message of messages) {
      expect(message).toMatchObject({ blockMetadataType: 'VARIABLE_LENGTH', volumeCapacityBytes: String(size) });
    }
    expect(listed(await delta(idOf('1'), idOf('2')))).toEqual([3n, 4n].map(at));
    expect(await allocated(idOf('3'))).toEqual([]);
  });

  test('come in messages of max_results at most, from the offset on', async () => {
    node.snapshots.blocks = async function* () {
      yield [0n, 2n, 4n, 6n, 8n].map((start) => ({ start, length: 1n }));
    };
    const lengths = async (maxResults: number) =>
      (await allocated(idOf('2'), { maxResults })).map(({ blockMetadata }) => blockMetadata?.length);
    expect(await lengths(2)).toEqual([2, 2, 1]);
    expect(await lengths(0)).toEqual([5]);
    expect(await lengths(2 ** 31 - 1)).toEqual([5]);
  });

  test('are asked for from the offset on, up to the end of the volume', async () => {
    expect(listed(await allocated(idOf('1'), { startingOffset: String(4n * memoryBlock) }))).toEqual([at(5n)]);
    expect(await allocated(idOf('1'), { startingOffset: String(size) })).toEqual([]);
    for (const startingOffset of ['-1', String(size + 1n)]) {
      await expect(allocated(idOf('1'), { startingOffset })).rejects.toMatchObject({ kind: 'out-of-range' });
      await expect(delta(idOf('1'), idOf('2'), { startingOffset })).rejects.toMatchObject({ kind: 'out-of-range' });
    }
  });
});

describe('a request for blocks', () => {
  test('names every problem', async () => {
    await expect(delta('', '', { maxResults: -1 })).rejects.toMatchObject({
      kind: 'invalid',
      message: 'base_snapshot_id is missing; target_snapshot_id is missing; max_results is -1: it must not be negative',
    });
    await expect(allocated('')).rejects.toMatchObject({ kind: 'invalid', message: 'snapshot_id is missing' });
  });

  test('is refused for snapshots that do not exist, and for those of different volumes', async () => {
    await expect(allocated('no id')).rejects.toMatchObject({ kind: 'not-found' });
    await expect(allocated(idOf('4'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(delta(idOf('4'), idOf('1'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(delta(idOf('1'), idOf('4'))).rejects.toMatchObject({ kind: 'not-found' });
    await expect(delta(idOf('3'), idOf('1'))).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('was taken of volume a:y'),
    });
  });

  test('is unavailable while the node is disconnected', async () => {
    const { provisioner, fleet } = controllerOf([node]);
    part = createChangedBlocksPart({ registry: provisioner.registry });
    fleet.link('a').detach();
    await expect(allocated(idOf('1'))).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
