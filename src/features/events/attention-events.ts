import type { ControllerContext, EventSender, PersistentVolumes } from '../../app/feature.ts';
import type { Attention } from '../../domain/attention.ts';
import type { Fleet } from '../../domain/fleet.ts';
import { eventName, EventSchedule } from '../../kubernetes/event-schedule.ts';
import type { WarningEvent } from '../../kubernetes/events.ts';
import { type Finding, findingsOf } from './findings.ts';

export interface AttentionEventsOptions {
  readonly fleet: Pick<Fleet, 'members'>;
  readonly events: EventSender;
  readonly claims: Pick<PersistentVolumes, 'claims'>;
  readonly refusedReservations: ControllerContext['refusedReservations'];
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
    const found = new Map(
      this.#options.fleet
        .members()
        .flatMap(findingsOf)
        .map((each) => [nameOf(each), each]),
    );
    const refused = new Map(this.#refused().map((event) => [event.name, event]));
    const chosen = this.#schedule.due([...found.keys(), ...refused.keys()]);
    const findings = chosen.flatMap((name) => found.get(name) ?? []);
    const claims = await this.#claimsOf(findings, signal);
    for (const name of chosen) {
      const finding = found.get(name);
      const event = finding ? eventOf(finding, name, claims) : refused.get(name);
      if (event) await this.#options.events.send(event, signal);
      this.#schedule.sent(name);
    }
  }

  /** The events of claims whose reservations are refused. */
  #refused(): WarningEvent[] {
    return this.#options.refusedReservations.list().map(({ claim, message }) => ({
      name: eventName([claim.namespace, claim.name, claim.uid ?? '', 'ReservationRefused']),
      subject: { kind: 'PersistentVolumeClaim', ...claim },
      reason: 'ReservationRefused',
      message,
    }));
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

function eventOf(finding: Finding, name: string, claims: ReadonlyMap<string, Claim>): WarningEvent {
  const { what } = finding;
  return { name, subject: subjectOf(finding, claims), reason: what.reason, message: textOf(what) };
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
