import { expect, test } from 'vitest';
import { Failure } from '../../../../src/domain/errors.ts';
import { OrphanEvents } from '../../../../src/features/orphans/events.ts';
import type { WarningEvent } from '../../../../src/kubernetes/events.ts';
import { specOf } from '../../fleet/gated-storage.ts';
import { minute, never, withOrphan } from './harness.ts';

async function setUp() {
  const begun = await withOrphan();
  const sent: WarningEvent[] = [];
  const api = { refuses: false };
  const events = {
    async send(event: WarningEvent) {
      if (api.refuses) throw new Failure('unavailable', 'no');
      sent.push(event);
    },
  };
  const orphanEvents = new OrphanEvents({
    kind: 'volumes',
    latest: () => begun.orphans.latest(),
    events,
    now: () => begun.clock.now,
  });
  const look = async (times = 1): Promise<void> => {
    for (let done = 0; done < times; done++) {
      await begun.orphans.look();
      await orphanEvents.look(never);
    }
  };
  return { ...begun, sent, api, look };
}

test('sends orphans that two looks see, once, on their node', async () => {
  const { sent, look } = await setUp();
  await look();
  expect(sent).toEqual([]);
  await look(3);
  expect(sent).toMatchObject([
    {
      subject: { kind: 'Node', name: 'a' },
      reason: 'OrphanedVolumes',
      message: expect.stringMatching(/^1 volume of \S+ [KMG]iB in all is in no PersistentVolume: /) as string,
    },
  ]);
});

test('sends one event for all orphans of a node, and no other while their number changes', async () => {
  const { sent, look, storages, clock } = await setUp();
  for (const name of ['pvc-2', 'pvc-3']) await storages.a.create(specOf(name), never);
  await storages.b.create(specOf('pvc-4'), never);
  await look(2);
  clock.now += 10 * minute;
  await look(2);
  expect(sent.map(({ subject, message }) => [subject.name, message.split(' ')[0]])).toEqual([
    ['a', '1'],
    ['b', '1'],
  ]);
  clock.now += 60 * minute;
  await look();
  expect(sent.map(({ subject, message }) => [subject.name, message.split(' ')[0]]).slice(2)).toEqual([
    ['a', '3'],
    ['b', '1'],
  ]);
  expect(new Set(sent.map(({ name }) => name)).size).toBe(2);
});

test('sends what was refused at the next look, and nothing again after the claims were unknown', async () => {
  const { sent, look, api, claims } = await setUp();
  api.refuses = true;
  await look();
  await expect(look()).rejects.toMatchObject({ kind: 'unavailable' });
  api.refuses = false;
  await look();
  expect(sent).toHaveLength(1);
  const known = claims.known;
  claims.known = undefined;
  await look(2);
  claims.known = known;
  await look(3);
  expect(sent).toHaveLength(1);
});
