import type { EventSender } from '../../app/feature.ts';
import { formatBytes } from '../../domain/bytes.ts';
import type { NodeName } from '../../domain/ids.ts';
import type { Snapshot } from '../../domain/snapshot.ts';
import type { Volume } from '../../domain/volume.ts';
import { eventName, EventSchedule } from '../../kubernetes/event-schedule.ts';
import type { Latest } from './metrics.ts';
import type { Orphan } from './sightings.ts';

/** In words: what it is, and the object that Kubernetes should have of it. */
const kinds = {
  volumes: { reason: 'OrphanedVolumes', one: 'volume', several: 'volumes', object: 'PersistentVolume' },
  snapshots: { reason: 'OrphanedSnapshots', one: 'snapshot', several: 'snapshots', object: 'VolumeSnapshotContent' },
} as const;

export interface OrphanEventsOptions<One extends Volume | Snapshot> {
  readonly kind: keyof typeof kinds;
  readonly latest: Latest<One>;
  readonly events: EventSender;
  readonly now?: () => number;
}

/** Sends one event for each node that has orphans of the kind, on the node. */
export class OrphanEvents<One extends Volume | Snapshot> {
  readonly #options: OrphanEventsOptions<One>;
  readonly #schedule: EventSchedule;

  constructor(options: OrphanEventsOptions<One>) {
    this.#options = options;
    this.#schedule = new EventSchedule(options.now);
  }

  /** Throws `unavailable` if the API server does not take an event; the rest waits for the next look. */
  async look(signal: AbortSignal): Promise<void> {
    const { latest, kind, events } = this.#options;
    const { reason } = kinds[kind];
    const orphans = latest();
    // It is not known: what was sent is not forgotten.
    if (!orphans) return;
    const byNode = Map.groupBy(orphans, ({ one }) => one.node);
    const nodes = new Map(Array.from(byNode.keys(), (node) => [eventName([node, reason]), node]));
    for (const name of this.#schedule.due([...nodes.keys()])) {
      const node = nodes.get(name) as NodeName;
      const message = textOf(kind, byNode.get(node) ?? []);
      await events.send({ name, subject: { kind: 'Node', name: node }, reason, message }, signal);
      this.#schedule.sent(name);
    }
  }
}

function textOf(kind: keyof typeof kinds, orphans: readonly Orphan<Volume | Snapshot>[]): string {
  const { one, several, object } = kinds[kind];
  const size = formatBytes(orphans.reduce((sum, orphan) => sum + orphan.one.size, 0n));
  const [what, are] = orphans.length === 1 ? [one, 'is'] : [several, 'are'];
  const remedy = kind === 'volumes' ? 'retain or delete' : 'delete';
  return `${orphans.length} ${what} of ${size} in all ${are} in no ${object}: \`kubectl quarry orphans\` lists what to ${remedy}`;
}
