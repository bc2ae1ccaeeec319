import { call, type Verb } from './verb.ts';

export const stage: Verb = {
  name: 'stage',
  weight: 4,
  isCall: true,
  fits: ({ exists, staged }) => exists && !staged,
  plan: (volume, { exists }) => ({
    text: volume.shape.access,
    outcomes: [exists ? 'OK' : 'NOT_FOUND'],
    change: { facts: exists ? { staged: true } : {} },
    run: call(volume, (calls) => calls.stage()),
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
    run: call(volume, (calls) => calls.publish()),
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
    run: call(volume, (calls) => calls.unpublish()),
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
    run: call(volume, (calls) => calls.unstage()),
  }),
};

export const nodeVerbs: readonly Verb[] = [stage, publish, unpublish, unstage];
