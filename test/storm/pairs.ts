import { create, expand, modify, remove } from './controller-verbs.ts';
import { type Change, type Facts, kindOf, type Volume } from './model.ts';
import { publish, stage, unpublish, unstage } from './node-verbs.ts';
import type { Random } from './random.ts';
import type { Step, Verb } from './verb.ts';
import { planStep } from './verbs.ts';

/** Two different calls for one volume at the same time. */
export interface Pair {
  readonly steps: readonly [Step, Step];
  /** The ends that are right: the two calls take effect in one order or the other. */
  readonly ends: readonly End[];
}

export interface End {
  readonly codes: readonly [string, string];
  /** In the order in which they take effect. */
  readonly changes: readonly Change[];
}

interface PairKind {
  readonly verbs: readonly [Verb, Verb];
  fits(facts: Facts): boolean;
  readonly ends: (first: Change, second: Change) => readonly End[];
}

const deleted: Change = { facts: { exists: false } };

/** Both succeed in either order, and the order makes no difference. */
const independent = (first: Change, second: Change): readonly End[] => [
  { codes: ['OK', 'OK'], changes: [first, second] },
];

const kinds: readonly PairKind[] = [
  {
    verbs: [create, remove],
    fits: ({ staged }) => !staged,
    // The volume that is created after the deletion is a new one, and has nothing of the old one.
    ends: (first) => [
      { codes: ['OK', 'OK'], changes: [first, deleted] },
      { codes: ['OK', 'OK'], changes: [deleted, first] },
    ],
  },
  {
    verbs: [remove, stage],
    fits: ({ exists, staged }) => exists && !staged,
    ends: (_first, second) => [
      { codes: ['OK', 'NOT_FOUND'], changes: [deleted] },
      { codes: ['FAILED_PRECONDITION', 'OK'], changes: [second] },
    ],
  },
  {
    verbs: [unstage, remove],
    fits: ({ staged, published }) => staged && !published,
    ends: (first) => [
      { codes: ['OK', 'OK'], changes: [first, deleted] },
      { codes: ['OK', 'FAILED_PRECONDITION'], changes: [first] },
    ],
  },
  {
    verbs: [remove, expand],
    fits: ({ exists, staged }) => exists && !staged,
    ends: () => [
      { codes: ['OK', 'OK'], changes: [deleted] },
      { codes: ['OK', 'NOT_FOUND'], changes: [deleted] },
    ],
  },
  { verbs: [expand, stage], fits: ({ exists, staged }) => exists && !staged, ends: independent },
  { verbs: [modify, expand], fits: ({ exists }) => exists, ends: independent },
  { verbs: [publish, modify], fits: ({ staged, published }) => staged && !published, ends: independent },
  { verbs: [unpublish, modify], fits: ({ published }) => published, ends: independent },
];

/** A pair that fits the volume; `undefined`: none does. */
export function planPair(volume: Volume, facts: Facts, random: Random): Pair | undefined {
  if (kindOf(volume) !== 'volume') return undefined;
  // A volume with a source has its content when it is created again, one with thick snapshots is neither deleted nor expanded, and one with integrity never expanded.
  const unfit = new Set([
    ...(volume.source ? [create] : []),
    ...(volume.pins.length > 0 ? [remove, expand] : []),
    ...(volume.shape.integrity ? [expand] : []),
  ]);
  const fitting = kinds.filter((kind) => kind.fits(facts) && !kind.verbs.some((verb) => unfit.has(verb)));
  if (fitting.length === 0) return undefined;
  const { verbs, ends } = random.pick(fitting);
  // A creation under a name that is in use asks for the same volume: the other outcome has a code of its own.
  const same: Random = { ...random, chance: () => false };
  const [first, second] = verbs.map((verb) => planStep(verb, volume, facts, same));
  if (!first || !second) return undefined;
  return { steps: [first, second], ends: ends(first.change, second.change) };
}
