/** Bounds the amount that a peer may send: a burst, and then a rate. */
export class RateLimiter {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #ticks: () => number;
  #left: number;
  #at: number;

  /** @param ticks milliseconds from any fixed moment */
  constructor(burst: number, perSecond: number, ticks: () => number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#ticks = ticks;
    this.#left = burst;
    this.#at = ticks();
  }

  /** False: less is left. */
  take(amount = 1): boolean {
    this.#refill();
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }

  /** Whether it has all of its burst left. */
  full(): boolean {
    this.#refill();
    return this.#left === this.#burst;
  }

  #refill(): void {
    const current = this.#ticks();
    this.#left = Math.min(this.#burst, this.#left + ((current - this.#at) / 1000) * this.#perSecond);
    this.#at = current;
  }
}
