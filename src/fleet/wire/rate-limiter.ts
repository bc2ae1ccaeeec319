/** How many messages a peer may send: so many at once, and then so many a second. */
export interface RateLimiter {
  /** False: it has none left. */
  take(): boolean;
}

export function createRateLimiter(burst: number, perSecond: number, ticks: () => number): RateLimiter {
  let left = burst;
  let at = ticks();
  return {
    take() {
      const current = ticks();
      left = Math.min(burst, left + ((current - at) / 1000) * perSecond);
      at = current;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
