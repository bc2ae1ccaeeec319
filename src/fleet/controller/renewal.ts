import type { Identity } from './identity.ts';
import type { Refusal } from './refusals.ts';

export interface RenewalOptions {
  readonly identify: (authorization: string) => Promise<Identity | Refusal>;
  /** Milliseconds before what could not be checked is tried again. */
  readonly retryAfter: number;
  readonly ticks: () => number;
}

/** The credential that a node has sent on its stream and that is not accepted yet. */
export class Renewal {
  readonly #options: RenewalOptions;
  #candidate: string | undefined;
  /** When it may be checked. */
  #at = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** It takes the place of one that was sent before. */
  offer(authorization: string): void {
    this.#candidate = authorization;
  }

  /** What a check has found; `undefined` where there is nothing to check now. To be called again and again; one check at a time. */
  async check(): Promise<Identity | Refusal | undefined> {
    const { identify, retryAfter, ticks } = this.#options;
    const authorization = this.#candidate;
    if (authorization === undefined || this.#at > ticks()) return undefined;
    this.#at = Number.POSITIVE_INFINITY;
    const found = await identify(authorization);
    const unchecked = 'reason' in found && found.reason === 'unchecked';
    this.#at = unchecked ? ticks() + retryAfter : ticks();
    if (!unchecked && this.#candidate === authorization) this.#candidate = undefined;
    return found;
  }
}
