import { controllerVerbs, remove } from './controller-verbs.ts';
import { copyVerbs } from './copy-verbs.ts';
import { inlineVerbs, unpublishInline } from './inline-verbs.ts';
import { groupVerbs, removeGroup } from './group-verbs.ts';
import { acknowledge, type Facts, kindOf, type Volume } from './model.ts';
import { nodeVerbs, publish, stage, unpublish, unstage } from './node-verbs.ts';
import { podVerbs } from './pod-verbs.ts';
import type { Random } from './random.ts';
import { removeSnapshot, snapshotVerbs } from './snapshot-verbs.ts';
import type { Step, Verb } from './verb.ts';

/** Everything that is done. A feature adds its own here. */
export const verbs: Readonly<Record<ReturnType<typeof kindOf>, readonly Verb[]>> = {
  volume: [...controllerVerbs, ...nodeVerbs, ...podVerbs, ...copyVerbs],
  inline: inlineVerbs,
  snapshot: snapshotVerbs,
  group: groupVerbs,
};

/** The verb that deletes it. */
export function removalOf(volume: Volume): Verb {
  return { volume: remove, inline: unpublishInline, snapshot: removeSnapshot, group: removeGroup }[kindOf(volume)];
}

/** The step of a verb for a volume of which all is known. */
export function planStep(
  verb: Verb,
  volume: Volume,
  facts: Facts,
  random: Random,
  left: readonly Volume[] = [],
): Step | undefined {
  const planned = verb.plan(volume, facts, random, left);
  return planned && { verb: verb.name, ...planned };
}

const ways = {
  published: [stage, publish],
  unstaged: [unpublish, unstage],
} as const;

/** Steps that bring a volume to where it can be read, or back to where nobody uses it. */
export function pathTo(wanted: 'published' | 'unstaged', volume: Volume, facts: Facts, random: Random): Step[] {
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
