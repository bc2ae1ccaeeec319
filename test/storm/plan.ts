import { type Disturbance, disturbances } from './disturbances.ts';
import { known, type Volume } from './model.ts';
import type { Random } from './random.ts';
import type { Step, Verb } from './verb.ts';
import { planStep, verbs } from './verbs.ts';

export interface Action {
  readonly volume: string;
  readonly step: Step;
  /** Sent so many times at once. */
  readonly times: number;
  /** Milliseconds after which the caller gives up, and does it again to the end. */
  readonly cancelAfter?: number;
}

export interface Strike {
  readonly disturbance: Disturbance;
  /** Milliseconds after the actions were sent. */
  readonly after: number;
  /** Milliseconds after the driver was started again: it is struck once more, amid its start. */
  readonly again?: number;
}

/** Actions that start at the same time, and perhaps a disturbance. */
export interface Round {
  readonly actions: readonly Action[];
  readonly strike?: Strike;
}

/** At most one action for each volume: the outcome of two could not be told apart. */
export function planRound(volumes: readonly Volume[], random: Random): Round {
  const left = [...volumes];
  const actions: Action[] = [];
  for (let count = 1 + random.below(5); count > 0 && left.length > 0; count -= 1) {
    const [volume] = left.splice(random.below(left.length), 1);
    const action = volume && planAction(volume, random);
    if (action) actions.push(action);
  }
  return random.chance(0.3) ? { actions, strike: planStrike(random) } : { actions };
}

function planAction(volume: Volume, random: Random): Action | undefined {
  const facts = known(volume);
  if (!facts) throw new Error(`the state of ${volume.name} is not settled`);
  const outOfOrder = random.chance(0.1);
  const verb = pickWeighted(
    verbs.filter((candidate) => outOfOrder || candidate.fits(facts)),
    random,
  );
  const step = planStep(verb, volume, facts, random);
  if (!step) return undefined;
  const times = verb.isCall && random.chance(0.15) ? 2 : 1;
  const cancelled = verb.isCall && random.chance(0.1) ? { cancelAfter: random.below(250) } : {};
  return { volume: volume.name, step, times, ...cancelled };
}

function planStrike(random: Random): Strike {
  const disturbance = pickWeighted(disturbances, random);
  const again = random.chance(0.2) ? { again: random.below(1500) } : {};
  return { disturbance, after: random.below(random.pick([30, 150, 600])), ...again };
}

function pickWeighted<T extends Pick<Verb, 'weight'>>(list: readonly T[], random: Random): T {
  return random.pick(list.flatMap((item) => Array.from({ length: item.weight }, () => item)));
}
