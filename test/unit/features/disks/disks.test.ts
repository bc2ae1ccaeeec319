import { expect, test } from 'vitest';
import { MiB } from '../../../../src/domain/bytes.ts';
import { createDisksPart } from '../../../../src/features/disks/node.ts';
import { evacuateDisk } from '../../../../src/features/disks/requests.ts';
import { memoryLog } from '../../grpc/harness.ts';
import { fakeStorage } from '../../lvm/fake-storage.ts';
import type { Relocation } from '../../../../src/lvm/evacuation/leaving-disks.ts';

const { signal } = new AbortController();

test.each([{ dryRun: true }, { remove: true }])(
  'an evacuation is not ended and begun by one command: %o',
  async (more) => {
    const given = { config: '/nowhere', disk: '/dev/sdb', dryRun: false, remove: false, cancel: true, ...more };
    await expect(evacuateDisk(given)).rejects.toThrow('give --cancel alone');
  },
);

test.each([
  ['starts its job', false, 1],
  ['starts nothing in a dry run', true, 0],
])('a node that is asked to evacuate a disk says what moves, and %s', async (_, dryRun, looks) => {
  const asked: unknown[] = [];
  let looked = 0;
  const moved: Relocation = { lv: 'vg/a', volume: undefined, size: 4n * MiB, to: '/dev/sdc' };
  const leaving = {
    begin: async (...words: unknown[]) => (asked.push(words), [moved]),
    keep: async () => undefined,
  };
  const local = { ...fakeStorage(), missing: { giveUp: () => undefined } };
  const { log } = memoryLog();
  const { admin } = createDisksPart({ local, leaving, jobs: { look: () => (looked += 1) }, log });
  const request = { disk: 'a-uuid', dryRun, remove: true, to: '/dev/sdc', toSize: '4096' };
  const answer = await admin?.evacuateDisk?.(request, { signal } as never);
  expect(answer).toEqual({ relocations: [{ lv: 'vg/a', volumeId: '', size: String(4n * MiB), to: '/dev/sdc' }] });
  expect(asked).toEqual([
    ['a-uuid', { removed: true, dryRun, replacement: { device: '/dev/sdc', size: 4096n } }, signal],
  ]);
  expect(looked).toBe(looks);
});
