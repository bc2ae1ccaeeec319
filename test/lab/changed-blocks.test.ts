import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../storm/random.ts';
import { createVolume, type Driver, MiB, outcomeOf, startDriver } from '../support/driver.ts';
import { GUEST_NODE, useGuest } from '../support/guest.ts';
import type { Step } from './blocks.guest.ts';

const guest = useGuest({ disks: ['3G'] });
const pools = `
  - name: fast
    volumeGroup: qfast
    type: thin
    disks: { paths: ["/dev/ubda"] }
    approve: automatic
    thin: { share: 80%, overprovision: 8 }`;

let driver: Driver;
beforeAll(async () => {
  driver = await startDriver(guest(), { pools, more: 'rescan: 24h' });
});

const KiB = 1024;
type Extents = readonly (readonly [start: number, length: number])[];
type Message = { blockMetadata: { byteOffset: string; sizeBytes: string }[]; volumeCapacityBytes: string };
const idOf = (name: string) => `node-1:snap-${name}`;
const take = (name: string, volume: string) =>
  driver.client.controller.createSnapshot({ name: `snapshot-${name}`, sourceVolumeId: `node-1:${volume}` });
const allocated = (name: string, over: object = {}) =>
  driver.client.snapshotMetadata.getMetadataAllocated({ snapshotId: idOf(name), ...over });
const delta = (base: string, target: string, over: object = {}) =>
  driver.client.snapshotMetadata.getMetadataDelta({
    baseSnapshotId: idOf(base),
    targetSnapshotId: idOf(target),
    ...over,
  });
const toExtents = ({ blockMetadata }: Message): Extents =>
  blockMetadata.map(({ byteOffset, sizeBytes }) => [Number(byteOffset), Number(sizeBytes)] as const);

/** All extents of a stream, and the capacity that its messages name. */
async function read(stream: AsyncIterable<object>): Promise<{ extents: Extents; size: number }> {
  const messages = await Array.fromAsync(stream as AsyncIterable<Message>);
  return { extents: messages.flatMap(toExtents), size: Number(messages[0]?.volumeCapacityBytes) };
}
const outcome = (stream: AsyncIterable<object>) => outcomeOf(read(stream));

/** The metadata snapshot of the pool: `-` where none is reserved; and the tags of the pool. */
const reserved = async () => {
  const status = await guest().shell('dmsetup status qfast-thinpool-tpool; lvs --noheadings -o lv_tags qfast/thinpool');
  return { root: status.split(' ')[6], tagged: status.includes('quarry.metadata-snapshot=reserved') };
};
const free = { root: '-', tagged: false };

describe('a backup', () => {
  const rounds = 5;
  const sizes: number[] = [];

  /** Writes and discards at random places of the volume, not along blocks. */
  async function change(round: number, size: number): Promise<void> {
    const random = createRandom(20261128, round);
    const commands = Array.from({ length: 12 }, () => {
      const count = 1 + random.below(40);
      const at = random.below(size / (4 * KiB) - count);
      return random.chance(0.3)
        ? `blkdiscard -o ${at * 4 * KiB} -l ${count * 16 * KiB < size - at * 4 * KiB ? count * 16 * KiB : 4 * KiB} /dev/qfast/data`
        : `dd if=/dev/urandom of=/dev/qfast/data bs=4k count=${count} seek=${at} oflag=direct status=none`;
    });
    await guest().shell(commands.join('\n'));
  }

  test('is rebuilt from its base and deltas, over expansions and discards', async () => {
    await createVolume(driver, 'data', 24 * MiB);
    let size = 24 * MiB;
    for (let round = 0; round < rounds; round += 1) {
      // The last round changes nothing.
      if (round < rounds - 1) await change(round, size);
      await take(`data-${round}`, 'data');
      sizes.push(size);
      if (round !== 1) continue;
      size += 8 * MiB;
      const range = { requiredBytes: `${size}` };
      await driver.client.controller.controllerExpandVolume({ volumeId: 'node-1:data', capacityRange: range });
    }
    await guest().shell(sizes.map((_, round) => `lvchange -qq -ay -K qfast/snap-data-${round}`).join('\n'));
    const step = async (image: string, round: number, base?: number): Promise<Step> => {
      const name = `data-${round}`;
      const { extents } = await read(base === undefined ? allocated(name) : delta(`data-${base}`, name));
      return { source: `/dev/qfast/snap-${name}`, image: `/run/${image}`, size: sizes[round] ?? 0, extents };
    };
    const steps = [
      await step('chain', 0),
      ...(await Promise.all([1, 2, 3, 4].map((round) => step('chain', round, round - 1)))),
      await step('leap', 1),
      await step('leap', 4, 1),
      await step('back', 3),
      await step('back', 0, 3),
    ];
    const input = JSON.stringify(steps);
    const { stdout, stderr } = await guest().exec([GUEST_NODE, '/quarry/test/lab/blocks.guest.ts'], { input });
    expect(stderr).toBe('');
    for (const [source, image] of JSON.parse(stdout) as [string, string][]) expect(image).toBe(source);
    expect(steps[4]?.extents).toEqual([]);
    // Less than all of it, or the test shows nothing.
    const sum = (extents: Extents) => extents.reduce((all, [, length]) => all + length, 0);
    expect(sum(steps[1]?.extents ?? [])).toBeLessThan(sum((await read(allocated('data-1'))).extents));
    expect(await reserved()).toEqual(free);
  });

  test('goes on from any offset, in messages of any size', async () => {
    const { extents, size } = await read(delta('data-0', 'data-3'));
    expect(size).toBe(sizes[3]);
    expect(extents.length).toBeGreaterThan(4);
    const [start = 0, length = 0] = extents[2] ?? [];
    const messages = await Array.fromAsync(
      delta('data-0', 'data-3', { startingOffset: `${start + 4096}`, maxResults: 2 }) as AsyncIterable<Message>,
    );
    expect(messages.every(({ blockMetadata }) => blockMetadata.length <= 2)).toBe(true);
    expect(messages.flatMap(toExtents)).toEqual([[start + 4096, length - 4096], ...extents.slice(3)]);
    expect((await read(allocated('data-3', { startingOffset: `${sizes[3]}` }))).extents).toEqual([]);
  });

  test('is refused for what does not exist or does not belong together', async () => {
    await createVolume(driver, 'other', 24 * MiB);
    await take('other', 'other');
    expect(await outcome(allocated('absent'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await outcome(delta('absent', 'data-1'))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await outcome(delta('other', 'data-1'))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await outcome(allocated('other', { startingOffset: `${24 * MiB + 1}` }))).toMatchObject({
      code: 'OUT_OF_RANGE',
    });
    expect(await outcome(allocated('other', { startingOffset: '-1' }))).toMatchObject({ code: 'OUT_OF_RANGE' });
    expect(await read(allocated('other'))).toMatchObject({ extents: [] });
  });
});

describe('a stream that is not read to its end yet', () => {
  /** A `thin_dump` that stops after its first lines until the gate is opened. */
  const gated = `#!/bin/sh
    /usr/sbin/thin_dump "$@" > /run/dump
    head -n 2 /run/dump
    echo > /run/begun
    read -r _ < /run/gate
    exec tail -n +3 /run/dump`;
  beforeEach(async () => {
    await guest().shell('cat > /usr/local/sbin/thin_dump; chmod +x /usr/local/sbin/thin_dump', { input: gated });
    await guest().shell('rm -f /run/begun /run/gate; mkfifo /run/begun /run/gate');
    onTestFinished(async () => void (await guest().shell('rm -f /usr/local/sbin/thin_dump')));
  });
  const begun = () => guest().shell('cat /run/begun');
  const open = () => guest().shell('echo > /run/gate');

  test('lets the pool be used meanwhile, and is shared', async () => {
    const before = await read(delta('data-0', 'data-3'));
    const stream = read(allocated('data-3'));
    await begun();
    expect(await reserved()).toMatchObject({ root: expect.stringMatching(/^\d+$/), tagged: true });
    expect(await read(delta('data-0', 'data-3'))).toEqual(before);
    await guest().shell('dd if=/dev/urandom of=/dev/qfast/data bs=64k count=20 seek=4 oflag=direct status=none');
    await createVolume(driver, 'meanwhile', 24 * MiB);
    await take('meanwhile', 'data');
    await driver.client.controller.deleteSnapshot({ snapshotId: idOf('data-2') });
    const later = read(delta('data-3', 'meanwhile'));
    await open();
    expect((await stream).extents.length).toBeGreaterThan(1);
    expect((await later).extents).toContainEqual([256 * KiB, 1280 * KiB]);
    expect(await reserved()).toEqual(free);
  });

  test.each(['kill -9', 'power cut'])('leaves no metadata snapshot after a %s and the next start', async (end) => {
    const stream = outcome(allocated('data-3'));
    await begun();
    if (end === 'kill -9') {
      await driver.kill();
      expect((await reserved()).root).toMatch(/^\d+$/);
      await open();
      await driver.launch();
      await driver.ready();
    } else await driver.powerCut();
    expect(await stream).toMatchObject({ code: 'UNAVAILABLE' });
    await driver.logged('metadata snapshot of an earlier process released');
    expect(await reserved()).toEqual(free);
  });

  test('ends with the call', async () => {
    const control = new AbortController();
    const stream = outcome(
      driver.client.snapshotMetadata.getMetadataAllocated({ snapshotId: idOf('data-3') }, control),
    );
    await begun();
    control.abort();
    expect(await stream).toMatchObject({ code: 'CANCELLED' });
    await expect.poll(reserved, { timeout: 20_000 }).toEqual(free);
  });
});
