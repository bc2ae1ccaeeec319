import { beforeEach, expect, test } from 'vitest';
import type { RefusedReservation } from '../../../../src/controller/refused-reservations.ts';
import { GiB } from '../../../../src/domain/bytes.ts';
import { Failure } from '../../../../src/domain/errors.ts';
import type { PoolName, VolumeId } from '../../../../src/domain/ids.ts';
import { keyOfNotice, noNews, type Notice } from '../../../../src/domain/news.ts';
import type { Volume } from '../../../../src/domain/volume.ts';
import { AttentionEvents } from '../../../../src/features/events/attention-events.ts';
import type { WarningEvent } from '../../../../src/kubernetes/events.ts';
import { emptyPool, MemoryStorage, thickSpec } from '../../../support/memory-storage.ts';
import { specOf } from '../../fleet/gated-storage.ts';

const never = new AbortController().signal;
const hour = 3_600_000;
const fast = 'fast' as PoolName;
const readOnly = { reason: 'FilesystemReadOnly', message: 'after an error' } as const;

let storage: MemoryStorage;
let volume: Volume;
let connected: boolean;
let sent: WarningEvent[];
let refused: boolean;
let time: number;
let pages: number;
let unpromised: RefusedReservation[];
let attention: AttentionEvents;

beforeEach(async () => {
  storage = new MemoryStorage('a', [emptyPool(thickSpec('fast'), 32n * GiB)]);
  volume = await storage.create(specOf('pvc-1'), never);
  [connected, sent, refused, time, pages, unpromised] = [true, [], false, 10 * hour, 0, []];
  attention = new AttentionEvents({
    fleet: {
      members: () => [{ node: storage.node, connected, since: 0, storage }],
    },
    events: {
      async send(event) {
        if (refused) throw new Failure('unavailable', 'no');
        sent.push(event);
      },
    },
    claims: {
      async claims(token) {
        pages += 1;
        if (token === undefined) return { claims: [], next: 'second' };
        return { claims: [{ volume: volume.id, namespace: 'db', name: 'data', uid: 'u-1' }] };
      },
    },
    refusedReservations: { list: () => unpromised },
    now: () => time,
  });
});

const look = async (times = 1): Promise<void> => {
  for (let done = 0; done < times; done++) await attention.look(never);
};

test('sends nothing while all is well, and asks for no claims', async () => {
  await look(3);
  expect([sent, pages]).toEqual([[], 0]);
});

test('sends what it sees twice, once, on the claim of the volume', async () => {
  storage.health.set(volume.id, [readOnly]);
  await look();
  expect(sent).toEqual([]);
  await look(3);
  expect(sent).toMatchObject([
    {
      subject: { kind: 'PersistentVolumeClaim', namespace: 'db', name: 'data', uid: 'u-1' },
      reason: 'FilesystemReadOnly',
      message: `volume ${volume.id} on node a: after an error`,
    },
  ]);
});

test('sends it again after an hour, under the same name, and after it was well meanwhile', async () => {
  storage.health.set(volume.id, [readOnly]);
  await look(2);
  time += hour;
  await look();
  storage.health.set(volume.id, []);
  await look();
  storage.health.set(volume.id, [{ ...readOnly, message: 'another time' }]);
  await look(2);
  expect(sent).toHaveLength(3);
  expect(new Set(sent.map(({ name }) => name)).size).toBe(1);
});

test('sends on the pod of an inline volume, and on the node for a pool, a volume without a claim, and the node', async () => {
  const inline = { pod: { uid: 'p-1', namespace: 'jobs', name: 'worker' } };
  storage.volumes.set(volume.id, { ...volume, role: 'inline', inline });
  storage.health.set(volume.id, [readOnly]);
  const lost = 'a:lost' as VolumeId;
  storage.volumes.set(lost, { ...volume, id: lost });
  storage.health.set(lost, [readOnly]);
  storage.loseReadiness(fast, 'its disk is away');
  connected = false;
  await look(2);
  expect(sent.map(({ subject, reason }) => [subject.kind, subject.name, reason])).toEqual([
    ['Node', 'a', 'NodeDisconnected'],
    ['Node', 'a', 'PoolNotReady'],
    ['Pod', 'worker', 'FilesystemReadOnly'],
    ['Node', 'a', 'FilesystemReadOnly'],
  ]);
  expect(new Set(sent.map(({ name }) => name)).size).toBe(4);
});

test('sends what a node tells: of a limit on the claim, and of disks on the node, although disks need no attention', async () => {
  const notices: Notice[] = [
    { reason: 'LimitNotInForce', volume: volume.id, message: 'mount it for writing' },
    { reason: 'DisksRefused', pool: fast, message: '1 disk' },
  ];
  storage.news = { ...noNews, notices: new Map(notices.map((notice) => [keyOfNotice(notice), notice])) };
  await look(3);
  expect(sent.map(({ subject, reason, message }) => [subject.kind, subject.name, reason, message])).toEqual([
    ['PersistentVolumeClaim', 'data', 'LimitNotInForce', `volume ${volume.id} on node a: mount it for writing`],
    ['Node', 'a', 'DisksRefused', 'pool fast on node a: 1 disk'],
  ]);
});

test('sends twenty at a look, and what was refused at the next', async () => {
  for (let index = 0; index < 25; index++) {
    const id = `a:pvc-${index}` as VolumeId;
    storage.volumes.set(id, { ...volume, id });
    storage.health.set(id, [readOnly]);
  }
  await look();
  refused = true;
  await expect(look()).rejects.toMatchObject({ kind: 'unavailable' });
  refused = false;
  await look();
  expect(sent).toHaveLength(20);
  await look(2);
  expect(sent).toHaveLength(25);
});

test('sends once what would fit a claim whose reservation is refused, and asks for no claims', async () => {
  const claim = { namespace: 'db', name: 'data', uid: 'u-1' };
  unpromised = [{ claim, message: '400 IOPS left' }];
  await look(3);
  unpromised = [{ claim, message: '300 IOPS left' }];
  await look();
  const subject = { kind: 'PersistentVolumeClaim', ...claim };
  expect(sent).toMatchObject([{ subject, reason: 'ReservationRefused', message: '400 IOPS left' }]);
  expect(pages).toBe(0);
});
