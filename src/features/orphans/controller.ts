import type { ControllerContext, Part } from '../../app/feature.ts';
import { createAbortableRepeater } from '../../concurrency/abortable-repeater.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { OrphanEvents } from './events.ts';
import { orphanFamilies } from './metrics.ts';
import { OrphanSnapshots } from './orphan-snapshots.ts';
import { Orphans } from './orphans.ts';
import { createOrphanService } from './service.ts';

/** Milliseconds between two looks for orphans. */
const lookAgain = 30_000;

/** Looks for orphans again and again. `undefined` without Kubernetes, because it is not known then which volumes are claimed. */
export function createOrphanPart(context: ControllerContext): Part | undefined {
  const { config, fleet, persistentVolumes: claims, snapshotContents: contents, events, log } = context;
  if (!claims) return undefined;
  const grace = config.kubernetes?.orphansAfter ?? Number.POSITIVE_INFINITY;
  const orphans = new Orphans({
    fleet,
    claims,
    grace,
    snapshots: contents && new OrphanSnapshots({ contents, grace }),
  });
  const looks = createRepeater({
    task: () => orphans.look(),
    every: lookAgain,
    delay: 0,
    failed: (error) => log.error({ reason: messageOf(error) }, 'orphans cannot be looked for'),
  });
  const sending = events && repeatEvents(new OrphanEvents({ orphans, events }), log);
  return {
    admin: createOrphanService(orphans),
    metrics: orphanFamilies(orphans),
    start() {
      looks.now();
      sending?.start();
    },
    async stop() {
      await Promise.all([looks.stop(), sending?.stop()]);
    },
  };
}

function repeatEvents(events: OrphanEvents, log: ControllerContext['log']) {
  return createAbortableRepeater({
    task: (signal) => events.look(signal),
    every: lookAgain,
    failed: (error) => log.warn({ reason: messageOf(error) }, 'events of orphans cannot be sent'),
  });
}
