import { fileOf, readRegions, writeRegion } from './content.ts';
import { during, type Frozen, known, regionCount, type Volume } from './model.ts';
import type { Random } from './random.ts';
import { pathsOf } from './site.ts';
import { done, type Step, type Verb } from './verb.ts';

const write: Verb = {
  name: 'write',
  weight: 6,
  fits: ({ published }) => published,
  plan(volume, { published }, random) {
    if (!published) return undefined;
    const region = random.below(regionCount);
    const content = random.below(1_000_000_000);
    return {
      text: `region ${region}: ${content}`,
      outcomes: ['OK'],
      change: { facts: {}, write: { region, content } },
      run: done(({ guest }) => writeRegion(guest, fileOf(volume, pathsOf(volume).target), volume, region, content)),
    };
  },
};

export const read: Verb = {
  name: 'read',
  weight: 2,
  fits: ({ published }) => published,
  plan: (volume, { published }) =>
    published
      ? {
          text: '',
          outcomes: ['OK'],
          change: { facts: {} },
          run: ({ guest }) => readRegions(guest, fileOf(volume, pathsOf(volume).target)),
        }
      : undefined,
};

/** The actions of a pod on its volume. */
export const podVerbs: readonly Verb[] = [write, read];

/** What a snapshot has of a volume that exists, and perhaps a write at the same time, which may be in it or not. */
export function amidOf(volume: Volume, random: Random): { frozen: Frozen; amid: NonNullable<Step['amid']> } {
  const { name, shape, regions } = volume;
  const facts = known(volume);
  if (!facts?.exists) throw new Error(`${name} does not exist`);
  const planned = random.chance(0.6) ? write.plan(volume, facts, random, []) : undefined;
  const seen = planned?.change.write ? during(regions, planned.change.write) : regions;
  const frozen = { source: name, shape, size: facts.size, regions: seen };
  return { frozen, amid: planned ? [{ volume: name, step: { verb: write.name, ...planned } }] : [] };
}
