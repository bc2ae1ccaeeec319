import { type Frozen, kindOf, known, type Volume } from './model.ts';
import { writeInOrder } from './order.ts';
import { amidOf } from './pod-verbs.ts';
import type { Random } from './random.ts';
import { idOf, type Site } from './site.ts';
import { groupIdOf, heldBy, membersOf, roomy } from './snapshots.ts';
import { done, options, type Step, type Verb } from './verb.ts';

const isThin = ({ shape }: Volume): boolean => shape.type !== 'thick';

const takeGroup: Verb = {
  name: 'take group',
  weight: 6,
  isCall: true,
  fits: ({ exists }) => !exists,
  plan(group, { exists }, random, left) {
    if (exists) return takeAgain(group);
    const volumes = left.filter((one) => kindOf(one) === 'volume' && known(one)?.exists);
    const sources = chosen(random.chance(0.5) ? volumes.filter(isThin) : volumes, random);
    if (sources.length === 0) return undefined;
    const names = sources.map(({ name }) => name);
    const step = { text: `of ${names.join(', ')}`, touches: names, run: takeOf(group, names) };
    const [first, second] = sources;
    const written = sources.slice(0, 2).filter((one) => known(one)?.published);
    const pair = first && second && written.length === 2 ? ([first, second] as const) : undefined;
    const frozen = sources.map((one) => amidOf(one, random));
    const ordered = pair !== undefined;
    return {
      ...step,
      ...(pair ? { text: `${step.text}, of which two are written alternately` } : {}),
      outcomes: ['OK'],
      change: changeOf(
        frozen.map((one) => one.frozen),
        ordered,
      ),
      amid: frozen.flatMap(({ amid }) => amid),
      run: pair ? takeInOrder(step.run, pair) : step.run,
    };
  },
};

function chosen(volumes: readonly Volume[], random: Random): Volume[] {
  const left = [...volumes];
  const count = Math.min(left.length, 2 + random.below(2));
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)).flat();
}

function changeOf(frozen: readonly Frozen[], ordered: boolean): Step['change'] {
  const [first] = frozen;
  const facts = { exists: true, size: first?.size ?? 0, iops: 0 };
  return { facts, ...(first ? { shape: first.shape } : {}), made: { frozen, ordered } };
}

function takeOf({ name }: Volume, sources: readonly string[]): Step['run'] {
  const request = { name, sourceVolumeIds: sources.map(idOf), parameters: roomy };
  return done(({ client }, signal) => client.groupController.createVolumeGroupSnapshot(request, options(signal)));
}

/** Takes it while a pod writes to the two volumes alternately. */
function takeInOrder(take: Step['run'], pair: readonly [Volume, Volume]): Step['run'] {
  return async (site: Site, signal?: AbortSignal) => {
    const writer = await writeInOrder(site, pair);
    try {
      return await take(site, signal);
    } finally {
      await writer.stop();
    }
  };
}

function takeAgain(group: Volume): Omit<Step, 'verb'> {
  const names = group.frozen.map(({ source }) => source);
  return { text: 'again', outcomes: ['OK'], change: { facts: {} }, run: takeOf(group, names) };
}

export const removeGroup: Verb = {
  name: 'delete group',
  weight: 3,
  isCall: true,
  fits: ({ exists }) => exists,
  plan: (group) => ({
    text: '',
    outcomes: ['OK'],
    change: { facts: { exists: false } },
    touches: heldBy(group.frozen),
    run: done(({ client }, signal) =>
      client.groupController.deleteVolumeGroupSnapshot(
        { groupSnapshotId: groupIdOf(group), snapshotIds: membersOf(group).map(({ id }) => id) },
        options(signal),
      ),
    ),
  }),
};

const getGroup: Verb = {
  name: 'get group',
  weight: 1,
  isCall: true,
  fits: ({ exists }) => exists,
  plan: (group, { exists }) => ({
    text: '',
    outcomes: [exists ? 'OK' : 'NOT_FOUND'],
    change: { facts: {} },
    run: done(({ client }, signal) =>
      client.groupController.getVolumeGroupSnapshot(
        { groupSnapshotId: groupIdOf(group), snapshotIds: membersOf(group).map(({ id }) => id) },
        options(signal),
      ),
    ),
  }),
};

const removeMember: Verb = {
  name: 'delete member',
  weight: 4,
  isCall: true,
  fits: () => false,
  plan(group) {
    const [member] = membersOf(group);
    if (!member) return undefined;
    return {
      text: member.id,
      outcomes: ['INVALID_ARGUMENT'],
      change: { facts: {} },
      run: done(({ client }, signal) => client.controller.deleteSnapshot({ snapshotId: member.id }, options(signal))),
    };
  },
};

export const groupVerbs: readonly Verb[] = [takeGroup, removeGroup, getGroup, removeMember];
