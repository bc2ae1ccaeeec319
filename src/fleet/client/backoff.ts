/** Milliseconds. */
const [first, longest] = [500, 15_000];

/** Full jitter: a thousand nodes that lost a controller in one moment come back spread out. */
export function backoffDelay(failures: number, random: () => number): number {
  return random() * Math.min(longest, first * 2 ** failures);
}
