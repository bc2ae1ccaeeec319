import { secretsFor, wrongSecrets } from './encryption.ts';
import { call, type Verb } from './verb.ts';

export const stage: Verb = {
  name: 'stage',
  weight: 4,
  isCall: true,
  fits: ({ exists, staged }) => exists && !staged,
  plan(volume, { exists }, random) {
    const secrets = secretsFor(volume, random);
    const { passphrase } = secrets;
    return {
      text: [volume.shape.access, ...(passphrase === undefined ? [] : [`with passphrase "${passphrase}"`])].join(' '),
      outcomes: [exists ? 'OK' : 'NOT_FOUND'],
      change: { facts: exists ? { staged: true } : {} },
      run: call(volume, (calls) => calls.stage(secrets)),
    };
  },
};

/** With a Secret that does not open the volume. Before the first stage, any passphrase becomes that of the volume. */
const stageWrongly: Verb = {
  name: 'stage wrongly',
  weight: 2,
  isCall: true,
  fits: ({ exists, staged }) => exists && !staged,
  plan(volume, { exists, staged }) {
    const written = volume.regions.some((contents) => !contents.includes('anything'));
    if (!volume.shape.encrypted || !written || !exists || staged) return undefined;
    return {
      text: '',
      outcomes: ['UNAUTHENTICATED'],
      change: { facts: {} },
      run: call(volume, (calls) => calls.stage(wrongSecrets)),
    };
  },
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

export const nodeVerbs: readonly Verb[] = [stage, stageWrongly, publish, unpublish, unstage];
