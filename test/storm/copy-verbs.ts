import { layoutFor, limits, textOf, types, unit } from './controller-verbs.ts';
import { type Frozen, kindOf, known, type Source, type Volume } from './model.ts';
import { amidOf } from './pod-verbs.ts';
import type { Random } from './random.ts';
import { idOf } from './site.ts';
import { membersOf } from './snapshots.ts';
import { call, type Step, type Verb } from './verb.ts';

/** Makes a volume of a content, as large or larger, of the same type or another. */
export function copyStep(volume: Volume, from: Frozen, source: Source, random: Random): Omit<Step, 'verb'> {
  const type = random.chance(0.25) ? random.pick(types) : from.shape.type;
  const drawn = layoutFor(type, from.shape, random);
  // Stripes would make the logical volume larger, which is refused.
  const shape = from.shape.integrity ? { ...drawn, stripes: 1 } : drawn;
  const more = random.chance(0.4) ? unit * random.below(8) : 0;
  // With integrity the size never changes.
  const size = from.size + (shape.integrity ? 0 : more);
  const iops = random.pick(limits);
  return {
    text: `of ${from.source}: ${textOf(shape, size, iops)}`,
    outcomes: ['OK'],
    change: { facts: { exists: true, size, iops }, shape, made: { regions: from.regions, source } },
    run: call({ ...volume, shape }, (calls) => calls.create(size, iops, source)),
  };
}

const restore: Verb = {
  name: 'restore',
  weight: 3,
  isCall: true,
  fits: ({ exists }) => !exists,
  plan(volume, { exists }, random, left) {
    const sources = left.filter((one) => ['snapshot', 'group'].includes(kindOf(one)) && known(one)?.exists);
    if (exists || sources.length === 0) return undefined;
    const from = random.pick(sources);
    const { id, frozen } = random.pick(membersOf(from));
    return { ...copyStep(volume, frozen, { snapshot: id }, random), touches: [from.name] };
  },
};

const clone: Verb = {
  name: 'clone',
  weight: 2,
  isCall: true,
  fits: ({ exists }) => !exists,
  plan(volume, { exists }, random, left) {
    const sources = left.filter((one) => kindOf(one) === 'volume' && known(one)?.exists);
    if (exists || sources.length === 0) return undefined;
    const from = random.pick(sources);
    const { frozen, amid } = amidOf(from, random);
    return {
      ...copyStep(volume, frozen, { volume: idOf(from.name) }, random),
      touches: [from.name],
      amid,
    };
  },
};

export const copyVerbs: readonly Verb[] = [restore, clone];
