/** Bounds the amount that a peer may send: a burst, and then a rate. */
export interface RateLimiter {
  /** False: less is left. */
  take(amount?: number): boolean;
  /** Whether it has all of its burst left. */
  full(): boolean;
}

export function createRateLimiter(burst: number, perSecond: number, ticks: () => number): RateLimiter {
  let left = burst;
  let at = ticks();
  const refill = (): void => {
    const current = ticks();
    left = Math.min(burst, left + ((current - at) / 1000) * perSecond);
    at = current;
  };
  return {
    full() {
      refill();
      return left === burst;
    },
    take(amount = 1) {
      refill();
      if (left < amount) return false;
      left -= amount;
      return true;
    },
  };
}
