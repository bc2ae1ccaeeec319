import { memoryLog } from '../grpc/harness.ts';
import { endingRunner } from '../block/ending-runner.ts';
import { fakeStorage } from './fake-storage.ts';

/** The storage with the jobs that copy, after its first report. */
export async function fakeCopying(options: Parameters<typeof fakeStorage>[0]) {
  const parts = fakeStorage(options);
  const bounds = { total: 9, creation: 4, copy: 4, erase: 4, repair: 4, evacuation: 4 };
  const { volumeCopies, growth } = parts.storage;
  const copies = { kind: 'copy', find: () => [...volumeCopies.find(), ...growth.rooms.find()] } as const;
  const jobs = endingRunner({ sources: [copies], bounds, log: memoryLog().log });
  for (const source of [volumeCopies, growth]) source.startWith(() => jobs.look());
  await parts.cache.refresh();
  return { ...parts, jobs };
}
