import type { EventSender } from '../../app/feature.ts';
import { formatBytes } from '../../domain/bytes.ts';
import type { NodeName } from '../../domain/ids.ts';
import { eventName, EventSchedule } from '../../kubernetes/event-schedule.ts';
import type { OrphanSource } from './metrics.ts';
import type { Orphan } from './sightings.ts';

export interface OrphanEventsOptions {
  readonly orphans: OrphanSource;
  readonly events: EventSender;
  readonly now?: () => number;
}

const reason = 'OrphanedVolumes';

/** Sends one event for each node that has orphans, on the node. */
export class OrphanEvents {
  readonly #options: OrphanEventsOptions;
  readonly #schedule: EventSchedule;

  constructor(options: OrphanEventsOptions) {
    this.#options = options;
    this.#schedule = new EventSchedule(options.now);
  }

  /** Throws `unavailable` if the API server does not take an event; the rest waits for the next look. */
  async look(signal: AbortSignal): Promise<void> {
    const orphans = this.#options.orphans.latest();
    // It is not known: what was sent is not forgotten.
    if (!orphans) return;
    const byNode = Map.groupBy(orphans, ({ volume }) => volume.node);
    const nodes = new Map(Array.from(byNode.keys(), (node) => [eventName([node, reason]), node]));
    for (const name of this.#schedule.due([...nodes.keys()])) {
      const node = nodes.get(name) as NodeName;
      const message = textOf(byNode.get(node) ?? []);
      await this.#options.events.send({ name, subject: { kind: 'Node', name: node }, reason, message }, signal);
      this.#schedule.sent(name);
    }
  }
}

function textOf(orphans: readonly Orphan[]): string {
  const size = formatBytes(orphans.reduce((sum, { volume }) => sum + volume.size, 0n));
  const one = orphans.length === 1;
  return `${orphans.length} ${one ? 'volume' : 'volumes'} of ${size} in all ${one ? 'is' : 'are'} in no PersistentVolume: \`kubectl quarry orphans\` lists what to retain or delete`;
}
