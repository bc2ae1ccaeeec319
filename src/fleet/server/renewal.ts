import type { Identity } from './identity.ts';
import type { Refusal } from './refusals.ts';

export interface RenewalOptions {
  readonly identify: (authorization: string) => Promise<Identity | Refusal>;
  /** Milliseconds before what could not be checked is tried again. */
  readonly retryAfter: number;
  /** Milliseconds after which the credential in use is checked again, at the latest. */
  readonly reviewEvery: number;
  readonly ticks: () => number;
  /** From 0 to 1: thousands that attached at once are not checked at once. */
  readonly random: () => number;
}

/** Milliseconds between two checks of a credential whose pod is gone: the API server may know it for ten seconds more. */
const hurried = 12_000;

/** The credential that a stream lives by, which is checked again and again, and a newer one that is not accepted yet. */
export class Renewal {
  readonly #options: RenewalOptions;
  #candidate: string | undefined;
  #inUse: string | undefined;
  #hurried = false;
  /** When the candidate may be checked, and the credential in use is to be. */
  #at = 0;
  #reviewAt = Number.POSITIVE_INFINITY;
  #checking = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** A credential that was sent, not accepted yet. It takes the place of one that was sent before. */
  offer(authorization: string): void {
    this.#candidate = authorization;
  }

  get offered(): boolean {
    return this.#candidate !== undefined;
  }

  /** The stream lives by it from now on, for so many milliseconds at the most. */
  use(authorization: string, left: number): void {
    const { reviewEvery, ticks, random } = this.#options;
    this.#inUse = authorization;
    const within = Math.min(this.#hurried ? hurried : reviewEvery, left);
    this.#reviewAt = ticks() + within * (0.5 + random() / 2);
  }

  /** There is reason to believe that the credential in use is no longer valid. */
  hurry(): void {
    this.#hurried = true;
    this.#reviewAt = 0;
  }

  /** What a check has found, and of what; `undefined` where there is nothing to check now. To be called again and again. */
  async check(): Promise<{ authorization: string; found: Identity | Refusal } | undefined> {
    const authorization = this.#due();
    if (authorization === undefined) return undefined;
    const { identify, retryAfter, ticks } = this.#options;
    this.#checking = true;
    const found = await identify(authorization).finally(() => (this.#checking = false));
    const unchecked = 'reason' in found && found.reason === 'unchecked';
    const again = ticks() + (unchecked ? retryAfter : 0);
    if (authorization === this.#candidate) {
      this.#at = again;
      if (!unchecked) this.#candidate = undefined;
    } else if (authorization === this.#inUse) this.#reviewAt = again;
    return { authorization, found };
  }

  #due(): string | undefined {
    const now = this.#options.ticks();
    if (this.#checking) return undefined;
    if (this.#candidate !== undefined && this.#at <= now) return this.#candidate;
    return this.#reviewAt <= now ? this.#inUse : undefined;
  }
}
