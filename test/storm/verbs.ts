import { controllerVerbs, remove } from './controller-verbs.ts';
import { acknowledge, type Facts, type Volume } from './model.ts';
import { nodeVerbs, publish, stage, unpublish, unstage } from './node-verbs.ts';
import { podVerbs } from './pod-verbs.ts';
import type { Random } from './random.ts';
import type { Step, Verb } from './verb.ts';

/** Everything that is done with volumes. A feature adds its own here. */
export const verbs: readonly Verb[] = [...controllerVerbs, ...nodeVerbs, ...podVerbs];

/** The step of a verb for a volume of which all is known. */
export function planStep(verb: Verb, volume: Volume, facts: Facts, random: Random): Step | undefined {
  const planned = verb.plan(volume, facts, random);
  return planned && { verb: verb.name, ...planned };
}

const ways = {
  published: [stage, publish],
  unstaged: [unpublish, unstage],
  deleted: [unpublish, unstage, remove],
} as const;

/** Steps that bring a volume to where it can be read, or back to where it can be deleted. */
export function pathTo(
  wanted: 'published' | 'unstaged' | 'deleted',
  volume: Volume,
  facts: Facts,
  random: Random,
): Step[] {
  const way = ways[wanted];
  let now = volume;
  return way.flatMap((verb) => {
    const step = planStep(verb, now, { ...facts, ...factsOf(now) }, random);
    if (step) now = acknowledge(now, step.change);
    return step ? [step] : [];
  });
}

function factsOf({ possible }: Volume): Partial<Facts> {
  return { staged: possible.staged[0] ?? false, published: possible.published[0] ?? false };
}
