import type { NodeContext, NodePart } from '../../app/feature.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { keyOfNotice, type News, noNews, type Notice } from '../../domain/news.ts';
import { JobProgress } from './job-progress.ts';
import { BusiestVolumes } from './busiest-volumes.ts';
import { diskNotices, jobNotices, limitNotices } from './notices.ts';

/** Milliseconds between two looks: what changes of a job is its progress, and each change is sent. */
const lookAgain = 10_000;
/** Notices that are told; a hundred pods whose limits are not in force have one cause. */
const mostNotices = 256;

/** Collects the news again and again. */
export function createNewsPart({ jobs, limits, disks, announce, log }: NodeContext): NodePart {
  const progress = new JobProgress();
  const busiest = new BusiestVolumes(async () => limits.list());
  const usesAt = (now: number): Promise<News['uses']> =>
    busiest.at(now).catch((error: unknown) => {
      log.warn({ reason: messageOf(error) }, 'what pods read and write could not be read');
      return noNews.uses;
    });
  const looks = createRepeater({
    task: async () => {
      const now = Date.now();
      const followed = progress.follow(jobs.list(), now);
      const notices = [
        ...jobNotices(followed, now),
        ...limitNotices(limits.table.enforcements, now),
        ...diskNotices(disks()),
      ];
      announce({
        jobs: new Map(followed.map(({ job }) => [job.id, job])),
        uses: await usesAt(performance.now()),
        notices: new Map(notices.slice(0, mostNotices).map((notice: Notice) => [keyOfNotice(notice), notice])),
      });
    },
    every: lookAgain,
    delay: 0,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'the news of this node could not be collected'),
  });
  return { start: () => looks.now(), stop: () => looks.stop() };
}
