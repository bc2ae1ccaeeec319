import { kindOf, known, type Volume } from './model.ts';
import { amidOf } from './pod-verbs.ts';
import { idOf } from './site.ts';
import { heldBy, roomy, snapshotIdOf } from './snapshots.ts';
import { done, options, type Step, type Verb } from './verb.ts';

function takeOf(name: string, source: Volume): Step['run'] {
  const request = { name, sourceVolumeId: idOf(source.name), parameters: roomy };
  return done(({ client }, signal) => client.controller.createSnapshot(request, options(signal)));
}

const take: Verb = {
  name: 'take',
  weight: 4,
  isCall: true,
  fits: ({ exists }) => !exists,
  plan(snapshot, { exists }, random, left) {
    const volumes = left.filter((one) => kindOf(one) === 'volume');
    if (exists) return takeAgain(snapshot, volumes, random.chance(0.3));
    const there = volumes.filter((one) => known(one)?.exists);
    const wanted = random.chance(0.95) ? there : volumes.filter((one) => !there.includes(one));
    if (wanted.length === 0) return undefined;
    const source = random.pick(wanted);
    const step = { text: `of ${source.name}`, touches: [source.name], run: takeOf(snapshot.name, source) };
    const size = known(source)?.size ?? 0;
    if (!there.includes(source)) return { ...step, outcomes: ['NOT_FOUND'], change: { facts: {} } };
    const { frozen, amid } = amidOf(source, random);
    const change = { facts: { exists: true, size, iops: 0 }, shape: source.shape, made: { frozen: [frozen] } };
    return { ...step, outcomes: ['OK'], change, amid };
  },
};

/** The same snapshot once more, or one of another volume under its name. */
function takeAgain(snapshot: Volume, volumes: readonly Volume[], other: boolean): Omit<Step, 'verb'> | undefined {
  const [frozen] = snapshot.frozen;
  const source = other
    ? volumes.find((one) => one.name !== frozen?.source && known(one)?.exists)
    : frozen && { ...snapshot, name: frozen.source };
  if (!source) return undefined;
  return {
    text: `again, of ${source.name}`,
    outcomes: [other ? 'ALREADY_EXISTS' : 'OK'],
    change: { facts: {} },
    touches: [source.name],
    run: takeOf(snapshot.name, source),
  };
}

export const removeSnapshot: Verb = {
  name: 'delete snapshot',
  weight: 3,
  isCall: true,
  fits: ({ exists }) => exists,
  plan: ({ name, frozen }) => ({
    text: '',
    outcomes: ['OK'],
    change: { facts: { exists: false } },
    // While it is there, its volume is neither deleted nor expanded.
    touches: heldBy(frozen),
    run: done(({ client }, signal) =>
      client.controller.deleteSnapshot({ snapshotId: snapshotIdOf(name) }, options(signal)),
    ),
  }),
};

const list: Verb = {
  name: 'list snapshots',
  weight: 1,
  isCall: true,
  fits: ({ exists }) => exists,
  plan: ({ name }, { exists }) => ({
    text: '',
    outcomes: [exists ? 'OK' : 'NOT_FOUND'],
    change: { facts: {} },
    run: done(async ({ client }, signal) => {
      await client.controller.listSnapshots({}, options(signal));
      await client.controller.getSnapshot({ snapshotId: snapshotIdOf(name) }, options(signal));
    }),
  }),
};

export const snapshotVerbs: readonly Verb[] = [take, removeSnapshot, list];
