import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure, isFailure } from '../../../src/domain/errors.ts';
import type { VolumeId } from '../../../src/domain/ids.ts';
import type { Accessibility } from '../../../src/domain/topology.ts';
import { anywhere, controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

// Two controllers over the same nodes, as all calls arrive at either: every wait of every operation ends when the schedule of
// fast-check says so, and between any two of them a node may fall silent for one of the controllers, die or come back.

const { signal } = new AbortController();
const names = ['x', 'y'];
const hosts = ['a', 'b', 'c'];

interface Call {
  readonly call: 'create' | 'remove' | 'expand';
  readonly by: 0 | 1;
  readonly name: string;
  readonly where: Accessibility;
}
interface Trouble {
  readonly trouble: 'cut' | 'heal' | 'lag' | 'die' | 'die after';
  /** The controller that is cut off; a death is everybody's. */
  readonly by: 0 | 1;
  readonly node: string;
}
type Step = Call | Trouble;

const by = fc.constantFrom(0 as const, 1 as const);
const name = fc.constantFrom(...names);
const node = fc.constantFrom(...hosts);

const trouble: fc.Arbitrary<Trouble> = fc.record({
  trouble: fc.constantFrom('cut', 'heal', 'lag', 'die', 'die after'),
  by,
  node,
});

/** The outcome of the schedule: what was acknowledged last of each name, and what the nodes have. */
async function run(steps: readonly Step[], scheduler: fc.Scheduler) {
  const storages = nodesOf({ a: 1024, b: 1024, c: 1024 });
  const replicas = { 0: controllerOf(storages), 1: controllerOf(storages) };
  const dying = new Map<string, 'die' | 'die after'>();
  for (const storage of storages) {
    storage.interrupt = async (operation, when, id) => {
      await scheduler.schedule(Promise.resolve(), `${operation} ${id}, ${when}`);
      const wanted = when === 'before' ? 'die' : 'die after';
      if (operation === 'find' || dying.get(storage.node) !== wanted) return;
      dying.delete(storage.node);
      throw new Failure('unavailable', `node ${storage.node} died`);
    };
  }
  const acknowledged = new Map<string, Set<VolumeId>>(names.map((each) => [each, new Set()]));
  const unexpected: unknown[] = [];
  const removing = new Set<string>();
  const disturb = ({ trouble: what, by: side, node: host }: Trouble) => {
    const link = replicas[side].fleet.link(host);
    if (what === 'cut') link.detach();
    else if (what === 'heal') link.attach();
    else if (what === 'lag') link.lagging = true;
    else dying.set(host, what);
  };
  const act = async (step: Step): Promise<void> => {
    if ('trouble' in step) return disturb(step);
    const { provisioner } = replicas[step.by];
    const acks = acknowledged.get(step.name) as Set<VolumeId>;
    try {
      if (step.call === 'create') acks.add((await provisioner.create(wish(step.name, step.where), signal)).id);
      for (const id of step.call === 'create' ? [] : acks) {
        if (step.call === 'remove') removing.add(step.name);
        if (step.call === 'remove') await provisioner.remove(id, signal);
        else await provisioner.expand(id, { required: 128n * MiB }, signal);
      }
    } catch (error) {
      if (!(['busy', 'unavailable', 'exists', 'not-found'] as const).some((kind) => isFailure(error, kind)))
        unexpected.push(error);
    }
  };
  const running: Promise<void>[] = [];
  const { task } = scheduler.scheduleSequence(
    steps.map((step) => ({ label: JSON.stringify(step), builder: async () => void running.push(act(step)) })),
  );
  await scheduler.waitFor(task);
  await scheduler.waitFor(Promise.all(running));
  for (const storage of storages) storage.interrupt = async () => undefined;
  // All is well again: what the nodes have is the truth.
  for (const { fleet } of Object.values(replicas)) for (const host of hosts) fleet.link(host).attach();
  const having = (wanted: string) =>
    storages.flatMap((storage) => [...storage.inventory().volumes.values()].filter((volume) => volume.name === wanted));
  return { replicas, storages, acknowledged, removing, unexpected, having };
}

function calls(call: fc.Arbitrary<Call['call']>, where: (name: string) => Accessibility): fc.Arbitrary<Call> {
  return fc.tuple(call, by, name).map(([what, side, of]) => ({ call: what, by: side, name: of, where: where(of) }));
}

describe('two controllers', () => {
  test.each([
    ['bound to one node', (of: string) => pinned(of === 'x' ? 'a' : 'b')],
    ['with an order of nodes', (of: string) => inOrder(...(of === 'x' ? hosts : hosts.toReversed()))],
  ])('make a name once and lose nothing acknowledged, %s', async (_how, where) => {
    const create = calls(fc.constant('create'), where);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(create, trouble), { maxLength: 12 }),
        fc.scheduler(),
        async (steps, scheduler) => {
          const { acknowledged, having, unexpected } = await run(steps, scheduler);
          expect(unexpected).toEqual([]);
          for (const each of names) {
            const ids = having(each).map(({ id }) => id);
            expect(ids.length).toBeLessThanOrEqual(1);
            for (const id of acknowledged.get(each) ?? []) expect(ids).toContain(id);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('agree on what is created, grown and deleted at once', async () => {
    const operation = calls(fc.constantFrom('create', 'remove', 'expand'), () => pinned('a'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(operation, trouble), { maxLength: 14 }),
        fc.scheduler(),
        async (steps, scheduler) => {
          const { replicas, acknowledged, removing, having, unexpected } = await run(steps, scheduler);
          expect(unexpected).toEqual([]);
          for (const each of names) {
            const [volume, another] = having(each);
            expect(another).toBeUndefined();
            // Only a delete takes an acknowledged volume away.
            if (!removing.has(each) && (acknowledged.get(each)?.size ?? 0) > 0) expect(volume).toBeDefined();
            for (const { provisioner } of Object.values(replicas)) {
              const known = await provisioner.get(`a:${each}`, signal).catch((error: unknown) => error);
              if (volume) expect(known).toEqual(volume);
              else expect(known).toMatchObject({ kind: 'not-found' });
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('one after the other make a name once, wherever it may be', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ by, name, cut: fc.option(node), after: fc.boolean() }), { maxLength: 8 }),
        async (steps) => {
          const storages = nodesOf({ a: 1024, b: 1024, c: 1024 });
          const replicas = { 0: controllerOf(storages), 1: controllerOf(storages) };
          for (const { by: turn, name: wanted, cut, after } of steps) {
            for (const storage of storages) {
              storage.interrupt = async (operation, when) => {
                if (cut !== storage.node || operation !== 'create' || (when === 'after') !== after) return;
                for (const { fleet } of Object.values(replicas)) fleet.link(storage.node).detach();
                throw new Failure('unavailable', 'died');
              };
            }
            await replicas[turn].provisioner.create(wish(wanted, anywhere), signal).catch(() => undefined);
            for (const wantedName of names) {
              const having = storages.filter((storage) =>
                storage.inventory().volumes.has(`${storage.node}:${wantedName}` as VolumeId),
              );
              expect(having.length).toBeLessThanOrEqual(1);
            }
          }
        },
      ),
    );
  });
});
