import type { EventSender, PersistentVolumes } from '../../app/feature.ts';
import type { Attention } from '../../domain/attention.ts';
import type { Fleet } from '../../domain/fleet.ts';
import { eventName, EventSchedule } from '../../kubernetes/event-schedule.ts';
import { type Finding, findingsOf } from './findings.ts';

export interface AttentionEventsOptions {
  readonly fleet: Pick<Fleet, 'members'>;
  readonly events: EventSender;
  readonly claims: Pick<PersistentVolumes, 'claims'>;
  readonly now?: () => number;
}

interface Claim {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
}

/** Sends an event for each thing that needs attention at two looks, one after the other: a restart of a node is none. */
export class AttentionEvents {
  readonly #options: AttentionEventsOptions;
  readonly #schedule: EventSchedule;

  constructor(options: AttentionEventsOptions) {
    this.#options = options;
    this.#schedule = new EventSchedule(options.now);
  }

  /** Throws `unavailable` if the API server does not take an event; the rest waits for the next look. */
  async look(signal: AbortSignal): Promise<void> {
    const members = this.#options.fleet.members();
    const found = new Map(members.flatMap(findingsOf).map((finding) => [nameOf(finding), finding]));
    const chosen = this.#schedule.due([...found.keys()]).flatMap((name) => {
      const finding = found.get(name);
      return finding ? [{ name, finding }] : [];
    });
    const claims = await this.#claimsOf(
      chosen.map(({ finding }) => finding),
      signal,
    );
    for (const { name, finding } of chosen) {
      const { what } = finding;
      const subject = subjectOf(finding, claims);
      await this.#options.events.send({ name, subject, reason: what.reason, message: textOf(what) }, signal);
      this.#schedule.sent(name);
    }
  }

  async #claimsOf(findings: readonly Finding[], signal: AbortSignal): Promise<ReadonlyMap<string, Claim>> {
    const wanted = new Set(
      findings.flatMap(({ subject }) => (subject && !subject.inline ? [subject.id as string] : [])),
    );
    const found = new Map<string, Claim>();
    for (let token: string | undefined; wanted.size > found.size;) {
      const { claims, next } = await this.#options.claims.claims(token, signal);
      for (const { volume, ...claim } of claims) if (wanted.has(volume)) found.set(volume, claim);
      if (next === undefined) break;
      token = next;
    }
    return found;
  }
}

/** Without the message, whose figures change. */
function nameOf({ what: { node, pool = '', volume = '', reason } }: Finding): string {
  return eventName([node, pool, volume, reason]);
}

/** The claim or the pod of a volume, or else the node. */
function subjectOf({ what: { node }, subject }: Finding, claims: ReadonlyMap<string, Claim>) {
  const claim = subject && claims.get(subject.id);
  if (claim) return { kind: 'PersistentVolumeClaim', ...claim } as const;
  if (subject?.inline) return { kind: 'Pod', ...subject.inline.pod } as const;
  return { kind: 'Node', name: node } as const;
}

function textOf({ node, pool, volume, message }: Attention): string {
  if (volume !== undefined) return `volume ${volume} on node ${node}: ${message}`;
  return pool === undefined ? message : `pool ${pool} on node ${node}: ${message}`;
}
