/** How many messages a peer may send: so many at once, and then so many a second. */
export interface Allowance {
  /** False: it has none left. */
  take(): boolean;
}

export function createAllowance(burst: number, perSecond: number, now: () => number): Allowance {
  let left = burst;
  let at = now();
  return {
    take() {
      const current = now();
      left = Math.min(burst, left + ((current - at) / 1000) * perSecond);
      at = current;
      if (left < 1) return false;
      left -= 1;
      return true;
    },
  };
}
