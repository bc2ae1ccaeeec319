import { fileOf, readRegions, writeRegion } from './content.ts';
import { regionCount } from './model.ts';
import { pathsOf } from './site.ts';
import { done, type Verb } from './verb.ts';

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
