import { callsFor } from './site.ts';
import { done, options, type Verb } from './verb.ts';

export const stage: Verb = {
  name: 'stage',
  weight: 4,
  isCall: true,
  fits: ({ exists, staged }) => exists && !staged,
  plan: (volume, { exists }) => ({
    text: volume.shape.access,
    outcomes: [exists ? 'OK' : 'NOT_FOUND'],
    change: { facts: exists ? { staged: true } : {} },
    run: done((site, signal) => callsFor(site, volume, options(signal)).stage()),
  }),
};

export const publish: Verb = {
  name: 'publish',
  weight: 4,
  isCall: true,
  fits: ({ staged, published }) => staged && !published,
  plan: (volume, { staged }) => ({
    text: '',
    outcomes: staged ? ['OK'] : ['FAILED_PRECONDITION', 'NOT_FOUND'],
    change: { facts: staged ? { published: true } : {} },
    run: done((site, signal) => callsFor(site, volume, options(signal)).publish()),
  }),
};

export const unpublish: Verb = {
  name: 'unpublish',
  weight: 2,
  isCall: true,
  fits: ({ published }) => published,
  plan: (volume) => ({
    text: '',
    outcomes: ['OK'],
    change: { facts: { published: false } },
    run: done((site, signal) => callsFor(site, volume, options(signal)).unpublish()),
  }),
};

export const unstage: Verb = {
  name: 'unstage',
  weight: 2,
  isCall: true,
  fits: ({ staged, published }) => staged && !published,
  plan: (volume, { published }) => ({
    text: '',
    outcomes: [published ? 'FAILED_PRECONDITION' : 'OK'],
    change: { facts: published ? {} : { staged: false } },
    run: done((site, signal) => callsFor(site, volume, options(signal)).unstage()),
  }),
};

export const nodeVerbs: readonly Verb[] = [stage, publish, unpublish, unstage];
