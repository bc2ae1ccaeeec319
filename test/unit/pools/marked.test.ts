import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { proveOurs } from '../../../src/pools/blank.ts';
import type { Disk } from '../../../src/pools/discover.ts';
import { parseVgName, type VgName } from '../../../src/domain/ids.ts';
import type { Joining } from '../../../src/pools/joining.ts';
import {
  diskSize as size,
  diskUuid as uuid,
  type FakeDisk,
  FakeMachine,
  firstText,
  metadataHeader,
  metadataText,
  probeOf,
  pvLabel,
} from './fake-machine.ts';

let machine: FakeMachine;
beforeEach(async () => {
  machine = await FakeMachine.create();
});
afterEach(() => machine[Symbol.asyncDispose]());

describe('a disk with our mark', () => {
  const addMarked = async (disk: FakeDisk = {}) => {
    const found = await machine.addDisk(disk);
    await machine.write('sda', 512, pvLabel(uuid));
    await machine.write('sda', 4096, metadataHeader());
    return found;
  };
  const remainsOf = (disk: Disk, joining?: Joining) => proveOurs(disk, { uuid, joining }, probeOf(machine));

  test('is interrupted if it has no other data', async () => {
    expect(await remainsOf(await addMarked())).toEqual({ state: 'interrupted' });
  });

  describe('and metadata that LVM did not commit', () => {
    const group = parseVgName('vg-slow') as VgName;
    const tags = ['quarry.v=1', 'quarry.pool=slow'];
    const text = (sequence: number, more: string[] = []) =>
      metadataText({ group, uuid: 'A', sequence }, [...tags, ...more], uuid);
    const trace = (sequence: number) => ({
      state: 'returned',
      traces: [`it has metadata of a volume group (name vg-slow, sequence number ${sequence})`],
    });
    const after = (sequence: number, id = 'A'): Joining => ({ group, committed: { uuid: id, sequence } });
    const addWith = async (metadata: string, prepared = 0n) => {
      const disk = await addMarked();
      await machine.write('sda', 4096, metadataHeader(0n, prepared));
      await machine.write('sda', firstText, metadata);
      return disk;
    };

    test.each([0n, 512n])(
      'is interrupted if that is the first metadata of its group (prepared: %d)',
      async (prepared) => {
        expect(await remainsOf(await addWith(text(1), prepared), { group })).toEqual({ state: 'interrupted' });
      },
    );

    test('is interrupted if that follows the last metadata of its group, and returned if any other does', async () => {
      const disk = await addWith(text(7, ['quarry.node=node-1']));
      expect(await remainsOf(disk, after(6))).toEqual({ state: 'interrupted' });
      for (const sequence of [5, 7, 8]) expect(await remainsOf(disk, after(sequence))).toEqual(trace(7));
      expect(await remainsOf(disk, after(6, 'B'))).toEqual(trace(7));
      expect(await remainsOf(disk, { group })).toEqual(trace(7));
    });

    test('is returned if the group was used, is another one, or is not known', async () => {
      const used = await addWith(text(1, ['quarry.node=node-1']));
      expect(await remainsOf(used, { group })).toEqual(trace(1));
      await machine.write('sda', firstText, text(1).padEnd(1024, '\0'));
      expect(await remainsOf(used, { group })).toEqual({ state: 'interrupted' });
      expect(await remainsOf(used, { group: parseVgName('vg-fast') as VgName })).toEqual(trace(1));
      expect(await remainsOf(used)).toEqual(trace(1));
    });

    test('is returned if the metadata does not name the disk', async () => {
      const disk = await addWith(metadataText({ group, uuid: 'A', sequence: 1 }, tags, uuid.replace('AbCd', 'ZZZZ')));
      expect(await remainsOf(disk, { group })).toEqual(trace(1));
    });

    test('is returned with anything behind the metadata or elsewhere, or a second metadata area', async () => {
      const disk = await addWith(text(1));
      const end = firstText + text(1).length;
      await machine.write('sda', end + 1, text(2));
      expect(await remainsOf(disk, { group })).toEqual({
        state: 'returned',
        traces: [`the first MiB is not zero: data at byte ${firstText}`],
      });
      await machine.write('sda', end, Buffer.alloc(1024));
      await machine.write('sda', 4096 + 100, 'x');
      expect(await remainsOf(disk, { group })).toMatchObject({ state: 'returned' });
      await machine.write('sda', 4096 + 100, '\0');
      await machine.write('sda', size - 1, 'x');
      expect(await remainsOf(disk, { group })).toMatchObject({ state: 'returned' });
      await machine.write('sda', size - 1, '\0');
      expect(await remainsOf(disk, { group })).toEqual({ state: 'interrupted' });
      await machine.write('sda', size - 4096, metadataHeader());
      await machine.write('sda', 512 * 1024, metadataHeader());
      expect(await remainsOf(disk, { group })).toMatchObject({ state: 'returned' });
    });
  });

  test('is not interrupted without an empty metadata area', async () => {
    const disk = await machine.addDisk();
    await machine.write('sda', 512, pvLabel(uuid));
    expect(await remainsOf(disk)).toEqual({
      state: 'returned',
      traces: ['it has no empty metadata area at its start'],
    });
  });

  test('is not interrupted if its header points to metadata, or if it has data at its end', async () => {
    const disk = await addMarked();
    await machine.write('sda', 4096, metadataHeader(512n));
    await machine.write('sda', size - 1, 'x');
    expect(await remainsOf(disk)).toEqual({
      state: 'returned',
      traces: ['the first MiB is not zero: data at byte 4137', `the last MiB is not zero: data at byte ${size - 1}`],
    });
  });

  test('is refused with another uuid, any other signature, or while it is in use', async () => {
    const disk = await machine.addDisk({ holders: ['dm-0'] });
    await machine.write('sda', 512, pvLabel(uuid.replace('AbCd', 'ZZZZ')));
    expect(await remainsOf(disk)).toEqual({
      state: 'refused',
      findings: [
        'it is held by dm-0',
        expect.stringMatching(/^blkid sees LVM2_member \(uuid quarry-ZZZZ/),
        expect.stringMatching(/^wipefs sees LVM2_member \(uuid quarry-ZZZZ/),
      ],
    });
  });

  test('is refused if it cannot be read', async () => {
    const disk = await addMarked();
    expect(await remainsOf({ ...disk, size: disk.size * 2n })).toMatchObject({
      state: 'refused',
      findings: [expect.stringContaining('not the disk that was found'), expect.stringContaining('could not be read')],
    });
  });
});
