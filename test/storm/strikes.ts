import { setTimeout as delay } from 'node:timers/promises';
import type { Disturbance } from './disturbances.ts';
import type { Strike } from './plan.ts';
import type { Site } from './site.ts';

/** Lets the disturbances of a round come, one after the other. Calls `began` when one begins. */
export async function strikeAll(
  site: Site,
  strikes: readonly Strike[],
  began: (disturbance: Disturbance) => void,
): Promise<void> {
  for (const [index, { disturbance, after, lasts, choice }] of strikes.entries()) {
    const [before, next] = [strikes[index - 1], strikes[index + 1]];
    await delay(after);
    began(disturbance);
    await disturbance.strike(site, choice);
    if (disturbance.lasts) {
      await delay(lasts);
      // The power cut comes while it lasts.
      if (next?.disturbance.effect) continue;
    }
    await disturbance.recover?.(site, choice);
    if (disturbance.effect && before?.disturbance.outlasts) await before.disturbance.recover?.(site, before.choice);
  }
}
