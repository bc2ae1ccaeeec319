import type { Part } from '../../app/feature.ts';
import type { HangingWork, Patience } from '../../concurrency/patience.ts';
import type { Survivors } from '../../exec/survivors.ts';
import { hungFamilies } from './metrics.ts';

interface HungSources {
  readonly survivors: Pick<Survivors, 'list'>;
  readonly patience: Pick<Patience, 'hanging'>;
}

/** Shows programs that cannot be killed, and reads of Quarry itself that do not end. */
export function createHungPart(sources: HungSources): Part {
  return {
    admin: {
      listHung: async () => ({
        work: listHung(sources).map(({ what, pid = 0, since }) => ({ what, pid, sinceMs: String(since) })),
      }),
    },
    metrics: hungFamilies(() => listHung(sources)),
  };
}

function listHung({ survivors, patience }: HungSources): (HangingWork & { readonly pid?: number })[] {
  const programs = survivors.list().map(({ pid, argv, since }) => ({ what: argv.join(' '), pid, since }));
  return [...programs, ...patience.hanging()];
}
