import type { ControllerContext, Part } from '../../app/feature.ts';
import { createAbortableRepeater } from '../../concurrency/abortable-repeater.ts';
import { createRepeater } from '../../concurrency/repeater.ts';
import { messageOf } from '../../domain/errors.ts';
import { OrphanEvents } from './events.ts';
import { orphanFamilies, type OrphanSource } from './metrics.ts';
import { Orphans } from './orphans.ts';
import { OrphanRemoval } from './removal.ts';
import { createOrphanService } from './service.ts';

/** Milliseconds between two looks for orphans. */
const lookAgain = 30_000;

/** Looks for orphans again and again. `undefined` without Kubernetes, because it is not known then which volumes are claimed. */
export function createOrphanPart(context: ControllerContext): Part | undefined {
  const { config, fleet, persistentVolumes: claims, snapshotContents: contents, log } = context;
  if (!claims) return undefined;
  const grace = config.kubernetes?.orphansAfter ?? Number.POSITIVE_INFINITY;
  const orphans = new Orphans({ fleet, claims, contents, grace });
  const removal = new OrphanRemoval({ orphans, fleet, claims, contents });
  const source: OrphanSource = {
    volumes: () => orphans.latest(),
    snapshots: contents && (() => knownSnapshots(orphans)),
  };
  const looks = createRepeater({
    task: () => orphans.look(),
    every: lookAgain,
    delay: 0,
    failed: (error) => log.error({ reason: messageOf(error) }, 'orphans cannot be looked for'),
  });
  const sending = repeatEvents(source, context);
  return {
    admin: createOrphanService(orphans, removal),
    metrics: orphanFamilies(source),
    start() {
      looks.now();
      for (const one of sending) one.start();
    },
    async stop() {
      await Promise.all([looks.stop(), ...sending.map((one) => one.stop())]);
    },
  };
}

function knownSnapshots(orphans: Orphans) {
  const snapshots = orphans.snapshots();
  return typeof snapshots === 'string' ? undefined : snapshots;
}

/** One for each kind: an event that the API server refuses does not keep those of the other kind back. */
function repeatEvents({ volumes, snapshots }: OrphanSource, { events, log }: ControllerContext) {
  if (!events) return [];
  const all = [
    new OrphanEvents({ kind: 'volumes', latest: volumes, events }),
    ...(snapshots ? [new OrphanEvents({ kind: 'snapshots', latest: snapshots, events })] : []),
  ];
  return all.map((one) =>
    createAbortableRepeater({
      task: (signal) => one.look(signal),
      every: lookAgain,
      failed: (error) => log.warn({ reason: messageOf(error) }, 'events of orphans cannot be sent'),
    }),
  );
}
