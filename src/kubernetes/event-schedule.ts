import { createHash } from 'node:crypto';

/** Events that one look may send; the rest waits for the next. */
const mostPerLook = 20;
/** Milliseconds after which what lasts is sent again: Kubernetes forgets an event after an hour. */
const sendAgain = 3_600_000;

/** Decides when each event is sent: what two looks see, one after the other, and again after an hour. Keeps in memory only when it was sent. */
export class EventSchedule {
  readonly #now: () => number;
  /** When each was sent; `undefined`: it was seen once. */
  #sent = new Map<string, number | undefined>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The names to send now, of all that a look has found. */
  due(found: readonly string[]): string[] {
    const now = this.#now();
    const due = found.filter((name) => this.#sent.has(name) && now - (this.#sent.get(name) ?? 0) >= sendAgain);
    this.#sent = new Map(found.map((name) => [name, this.#sent.get(name)]));
    return due.slice(0, mostPerLook);
  }

  sent(name: string): void {
    this.#sent.set(name, this.#now());
  }
}

/** The name of an event, the same from every controller, so that Kubernetes keeps one. `parts`: what it is about, without figures that change. */
export function eventName(parts: readonly string[]): string {
  return `quarry-${createHash('sha256').update(parts.join('\0')).digest('hex').slice(0, 32)}`;
}
