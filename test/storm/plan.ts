import { type Disturbance, disturbances } from './disturbances.ts';
import { type Facts, kindOf, known, type Volume } from './model.ts';
import { type Pair, planPair } from './pairs.ts';
import type { Random } from './random.ts';
import type { Step, Verb } from './verb.ts';
import { planStep, removalOf, verbs } from './verbs.ts';

export interface Action {
  readonly volume: string;
  readonly step: Step;
  /** Sent so many times at once. */
  readonly times: number;
  /** Milliseconds after which the caller gives up. Without `followedBy`, it does it again to the end. */
  readonly cancelAfter?: number;
  /** Done after the cancelled call. */
  readonly followedBy?: Step;
  /** Done instead of `step`: two different calls at once. */
  readonly pair?: Pair;
}

export interface Strike {
  readonly disturbance: Disturbance;
  /** Milliseconds after the actions were sent, or after the driver was started again. */
  readonly after: number;
  /** Milliseconds from its begin to its end, where it lasts. */
  readonly lasts: number;
  /** A number that chooses what it strikes, where there are several. */
  readonly choice: number;
}

/** Actions that start at the same time, and the disturbances that follow, one after the other. */
export interface Round {
  readonly actions: readonly Action[];
  readonly strikes: readonly Strike[];
  /** Whether the group has no free bytes meanwhile. */
  readonly full: boolean;
}

/** Calls that need room. */
const growing = ['create', 'expand', 'restore', 'clone', 'take', 'take group', 'publish inline'];

/** At most one action for each name, but for writes amid a snapshot of their volume: the outcome of two could not be told apart. */
export function planRound(all: readonly Volume[], random: Random, kinds: readonly Disturbance[] = disturbances): Round {
  const full = random.chance(0.08);
  const strikes: Strike[] = [];
  for (let more = 0.35; random.chance(more); more = 0.25) strikes.push(planStrike(kinds, random));
  const unserved = strikes.some(({ disturbance }) => disturbance.refuses);
  const refused = full || unserved ? growing : [];
  let left = [...all];
  const actions: Action[] = [];
  for (let missing = 1 + random.below(5); missing > 0 && left.length > 0;) {
    const [volume] = left.splice(random.below(left.length), 1);
    const action = volume && planAction(volume, random, refused, left);
    if (!action) continue;
    const { amid = [] } = action.step;
    const touches = [...(action.step.touches ?? []), ...(action.followedBy?.touches ?? [])];
    const others = left.filter(({ name }) => !touches.includes(name));
    // Something else is done with one of them already.
    if (others.length + new Set(touches).size > left.length) continue;
    left = others;
    missing -= 1;
    actions.push(action, ...amid.map(({ volume: written, step }) => ({ volume: written, step, times: 1 })));
  }
  return { actions, strikes, full };
}

function planAction(
  volume: Volume,
  random: Random,
  refused: readonly string[],
  left: readonly Volume[],
): Action | undefined {
  const facts = known(volume);
  if (!facts) throw new Error(`the state of ${volume.name} is not settled`);
  const pair = refused.length === 0 && random.chance(0.12) ? planPair(volume, facts, random) : undefined;
  if (pair) return { volume: volume.name, step: pair.steps[0], times: 1, pair };
  const outOfOrder = random.chance(0.1);
  let candidates = verbs[kindOf(volume)].filter((candidate) => outOfOrder || candidate.fits(facts));
  while (candidates.length > 0) {
    const verb = pickWeighted(candidates, random);
    const planned = planStep(verb, volume, facts, random, left);
    candidates = candidates.filter((one) => one !== verb);
    if (!planned) continue;
    const step = refused.includes(verb.name) ? mayLackRoom(planned) : planned;
    return { volume: volume.name, step, ...planWay(verb, volume, facts, random) };
  }
  return undefined;
}

/** Once, twice, cancelled and repeated, or cancelled and followed by a deletion. */
function planWay(verb: Verb, volume: Volume, facts: Facts, random: Random): Omit<Action, 'volume' | 'step'> {
  if (verb.isCall !== true) return { times: 1 };
  if (volume.pins.length === 0 && random.chance(0.06)) {
    const followedBy = planStep(removalOf(volume), volume, facts, random);
    if (followedBy) return { times: 1, cancelAfter: random.below(250), followedBy };
  }
  const times = random.chance(0.15) ? 2 : 1;
  return random.chance(0.1) ? { times, cancelAfter: random.below(250) } : { times };
}

/** The step in a group without free bytes, or without a node or pool that has them. */
function mayLackRoom(step: Step): Step {
  return step.outcomes.includes('OK') ? { ...step, outcomes: [...step.outcomes, 'RESOURCE_EXHAUSTED'] } : step;
}

function planStrike(kinds: readonly Disturbance[], random: Random): Strike {
  return {
    disturbance: pickWeighted(kinds, random),
    after: random.below(random.pick([30, 150, 600, 1500])),
    lasts: random.pick([200, 200, 1000, 1000, 4000, 12_000]),
    choice: random.below(1_000_000),
  };
}

function pickWeighted<T extends Pick<Verb, 'weight'>>(list: readonly T[], random: Random): T {
  return random.pick(list.flatMap((item) => Array.from({ length: item.weight }, () => item)));
}
