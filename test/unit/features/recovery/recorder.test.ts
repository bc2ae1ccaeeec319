import { expect, test } from 'vitest';
import { Failure } from '../../../../src/domain/errors.ts';
import type { PersistentVolumeRecord } from '../../../../src/domain/persistent-volume.ts';
import { Recorder } from '../../../../src/features/recovery/recorder.ts';
import { memoryLog } from '../../grpc/harness.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { begin as beginFleet, minute, never } from '../orphans/harness.ts';

const recordOf = (name: string, claim: string): PersistentVolumeRecord => ({
  name,
  claim: { namespace: 'db', name: claim },
  reclaimPolicy: 'Delete',
  accessModes: ['ReadWriteOnce'],
  volumeMode: 'Filesystem',
  mountOptions: [],
});

/** A volume on node a and one on node b, each with a PersistentVolume on a page of its own. */
async function begin() {
  const { fleet, storages, cutOff, clock, id } = await beginFleet();
  const other = await storages.b.create(specOf('pvc-2'), never);
  const pages = [
    { records: [{ volume: id as string, record: recordOf('pv-1', 'data-0') }], next: 'second' },
    { records: [{ volume: other.id as string, record: recordOf('pv-2', 'data-1') }] },
  ];
  let lists = 0;
  const volumes = {
    watched: (): ReadonlySet<string> | undefined =>
      new Set(pages.flatMap(({ records }) => records.map(({ volume }) => volume))),
    records: async (token: string | undefined) => {
      lists += token === undefined ? 1 : 0;
      return token === undefined ? pages[0]! : pages[1]!;
    },
  };
  const { log, lines } = memoryLog();
  const recorder = new Recorder({ fleet, volumes, log, now: () => clock.now });
  const look = async () => recorder.look(never);
  const recorded = () =>
    [storages.a.volumes.get(id), storages.b.volumes.get(other.id)].map((one) => one?.persistentVolume);
  return { storages, cutOff, clock, pages, volumes, look, recorded, lists: () => lists, lines, id };
}

const [first, second] = ['data-0', 'data-1'].map(
  (claim, index) => `pv=pv-${index + 1}&namespace=db&claim=${claim}&policy=Delete&access=ReadWriteOnce&mode=Filesystem`,
);

test('each volume gets the record of its PersistentVolume, and nothing is listed while none lacks it', async () => {
  const { look, recorded, lists } = await begin();
  await look();
  expect(recorded()).toEqual([first, second]);
  await look();
  expect(lists()).toBe(1);
});

test('a change of a PersistentVolume is recorded at the next comparison', async () => {
  const { look, recorded, clock, pages } = await begin();
  await look();
  pages[0]!.records[0]!.record = { ...recordOf('pv-1', 'data-0'), reclaimPolicy: 'Retain' };
  clock.now += 29 * minute;
  await look();
  expect(recorded()[0]).toBe(first);
  clock.now += minute;
  await look();
  expect(recorded()[0]).toBe(first?.replace('Delete', 'Retain'));
});

test('a new volume is recorded at the next look, and one whose PersistentVolume has lost its claim does not cause lists', async () => {
  const { look, storages, pages, lists } = await begin();
  await look();
  const made = await storages.a.create(specOf('pvc-3'), never);
  pages.push({ records: [{ volume: made.id, record: recordOf('pv-3', 'data-2') }] });
  await look();
  await look();
  // The third page is of no list: as if its PersistentVolume were released.
  expect(lists()).toBe(2);
  pages[1]!.records.push({ volume: made.id, record: recordOf('pv-3', 'data-2') });
});

test('a node that is disconnected is recorded when it is back, and a failure does not stop the others', async () => {
  const { look, recorded, cutOff, storages, lines } = await begin();
  cutOff.add('b');
  storages.a.interrupt = async () => {
    throw new Failure('unavailable', 'LVM hangs');
  };
  await look();
  expect(recorded()).toEqual([undefined, undefined]);
  expect(lines).toContainEqual(expect.objectContaining({ fields: { reason: 'LVM hangs', volume: 'a:pvc-1' } }));
  cutOff.delete('b');
  await look();
  expect(recorded()).toEqual([undefined, second]);
});

test('a node of an older version is left alone until the next comparison', async () => {
  const { look, storages, lines, recorded, clock } = await begin();
  storages.a.interrupt = async () => {
    throw new Failure('unimplemented', 'no such method');
  };
  await look();
  await look();
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  storages.a.interrupt = async () => undefined;
  clock.now += 30 * minute;
  await look();
  expect(recorded()).toEqual([first, second]);
});

test('nothing is listed before the first watch', async () => {
  const { look, volumes, lists } = await begin();
  volumes.watched = () => undefined;
  await look();
  expect(lists()).toBe(0);
});
