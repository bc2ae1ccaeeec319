import type { Identity } from './identity.ts';
import type { Refusal } from './refusals.ts';

export interface RenewalOptions {
  readonly identify: (authorization: string) => Promise<Identity | Refusal>;
  /** Milliseconds after which a review that failed is tried again. */
  readonly retryAfter: number;
  /** Milliseconds after which the credential in use is checked again, at the latest. */
  readonly reviewEvery: number;
  readonly ticks: () => number;
  /** From 0 to 1: thousands of streams that attached at once are not reviewed at once. */
  readonly random: () => number;
}

/** Milliseconds between two checks of a credential whose pod is gone: the API server may know it for ten seconds more. */
const hurried = 12_000;

/** Reviews the credential that a stream uses again and again, and a newer one until it is accepted. */
export class Renewal {
  readonly #options: RenewalOptions;
  #candidate: string | undefined;
  #inUse: string | undefined;
  #hurried = false;
  /** Ticks from which the candidate may be reviewed, and the credential in use is due. */
  #at = 0;
  #reviewAt = Number.POSITIVE_INFINITY;
  #checking = false;

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  /** A new credential, which is not accepted yet. It replaces an earlier one that is not accepted. */
  offer(authorization: string): void {
    this.#candidate = authorization;
  }

  get offered(): boolean {
    return this.#candidate !== undefined;
  }

  /** The stream uses this credential from now on, which expires in `left` milliseconds. */
  use(authorization: string, left: number): void {
    const { reviewEvery, ticks, random } = this.#options;
    this.#inUse = authorization;
    const within = Math.min(this.#hurried ? hurried : reviewEvery, left);
    this.#reviewAt = ticks() + within * (0.5 + random() / 2);
  }

  /** The credential in use may no longer be valid: it is due now, and again every few seconds. */
  hurry(): void {
    this.#hurried = true;
    this.#reviewAt = 0;
  }

  /** Call it again and again. Returns the credential that was due and what its review found; `undefined` where none was due. */
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
