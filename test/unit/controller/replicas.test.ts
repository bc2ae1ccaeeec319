import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MiB } from '../../../src/domain/bytes.ts';
import { Failure, isFailure } from '../../../src/domain/errors.ts';
import type { PoolName, VolumeId } from '../../../src/domain/ids.ts';
import type { Accessibility } from '../../../src/domain/topology.ts';
import { anywhere, controllerOf, inOrder, nodesOf, pinned, wish } from './wishes.ts';

// Two controllers over the same nodes, and calls to both: every wait of every operation ends when the schedule of
// fast-check says so, and between any two of them a node may be cut off from one of the controllers, die or come back.

const { signal } = new AbortController();
const names = ['x', 'y'];
const hosts = ['a', 'b', 'c'];
const fast = 'fast' as PoolName;
const expected = ['busy', 'unavailable', 'exists', 'cancelled'] as const;

interface Call {
  readonly call: 'create' | 'remove' | 'expand';
  readonly by: 0 | 1;
  readonly name: string;
  readonly where: Accessibility;
}
interface Trouble {
  readonly trouble: 'cut' | 'heal' | 'lag' | 'die' | 'die after';
  /** The controller that is cut off; the death of a node concerns both. */
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

/** The outcome of the schedule: the last acknowledgement of each name, and the volumes of the nodes. */
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
  // Calls that were cut off go on at their nodes.
  await scheduler.waitIdle();
  for (const storage of storages) storage.interrupt = async () => undefined;
  // All nodes are connected again, and their volumes decide.
  for (const { fleet } of Object.values(replicas)) for (const host of hosts) fleet.link(host).attach();
  const having = (wanted: string) =>
    storages.flatMap((storage) => [...storage.inventory().volumes.values()].filter((volume) => volume.name === wanted));
  return { replicas, storages, acknowledged, removing, unexpected, having };
}

function calls(call: fc.Arbitrary<Call['call']>, where: (name: string) => Accessibility): fc.Arbitrary<Call> {
  return fc.tuple(call, by, name).map(([what, side, of]) => ({ call: what, by: side, name: of, where: where(of) }));
}

class Claim {
  acknowledged: VolumeId | undefined;
  readonly #scheduler: fc.Scheduler;
  readonly #storages = nodesOf({ a: 256, b: 256, c: 256 });
  readonly #replicas = [controllerOf(this.#storages), controllerOf(this.#storages)] as const;
  readonly #dying = new Map<string, string>();
  readonly #strict: boolean;
  #chosen = 0;

  constructor(scheduler: fc.Scheduler, strict: boolean) {
    this.#scheduler = scheduler;
    this.#strict = strict;
    for (const storage of this.#storages) {
      storage.interrupt = async (operation, when, id) => {
        await scheduler.schedule(Promise.resolve(), `${operation} ${id}, ${when}`);
        if (operation !== 'create' || this.#dying.get(storage.node) !== (when === 'before' ? 'die' : 'die after'))
          return;
        this.#dying.delete(storage.node);
        throw new Failure('unavailable', `node ${storage.node} died`);
      };
    }
  }

  everything(): VolumeId[] {
    for (const storage of this.#storages) storage.comeBack(fast);
    return this.#storages.flatMap((storage) => [...storage.inventory().volumes.keys()]);
  }

  get chosen(): string {
    return hosts[this.#chosen] ?? '';
  }

  meet(what: string, side: 0 | 1, host: string): void {
    const storage = this.#storages.find((each) => each.node === host);
    const link = this.#replicas[side].fleet.link(host);
    if (what === 'vanish') storage?.vanish(fast);
    else if (what === 'return') storage?.comeBack(fast);
    else if (what === 'fill') storage?.fill(fast);
    else if (what === 'cut') link.detach();
    else if (what === 'heal') link.attach();
    else if (what === 'lag') link.lagging = true;
    else if (what !== 'none') this.#dying.set(host, what);
  }

  async call(side: 0 | 1, givesUp: boolean): Promise<void> {
    if (this.acknowledged !== undefined) return;
    const caller = new AbortController();
    if (givesUp) void this.#scheduler.schedule(Promise.resolve(), 'give up').then(() => caller.abort());
    // With strict topology the chosen node alone, else all, that one first.
    const order = hosts.map((_, index) => hosts[(this.#chosen + index) % hosts.length] ?? '');
    const where = this.#strict ? pinned(order[0] ?? '') : inOrder(...order);
    try {
      const creation = this.#replicas[side].provisioner.create(wish('x', where), caller.signal);
      this.acknowledged = (await this.#scheduler.waitFor(creation)).id;
    } catch (error) {
      if (isFailure(error, 'exhausted')) this.#chosen = (this.#chosen + 1) % hosts.length;
      else if (!expected.some((kind) => isFailure(error, kind))) throw error;
    }
  }
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

  test('agree on volumes that are created, grown and deleted at once', async () => {
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
            // Only a deletion removes an acknowledged volume.
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

  // A claim as the sidecar and the scheduler treat it: one call after another, some given up, each to either controller. Only
  // RESOURCE_EXHAUSTED sends it to another node.
  test('make the volume of a claim once, while groups vanish and calls are given up', async () => {
    const troubles = ['none', 'vanish', 'return', 'fill', 'cut', 'heal', 'lag', 'die', 'die after'] as const;
    const round = fc.record({ what: fc.constantFrom(...troubles), by, node: fc.option(node), givesUp: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(round, { maxLength: 10 }),
        fc.scheduler(),
        fc.boolean(),
        async (rounds, scheduler, strict) => {
          const claim = new Claim(scheduler, strict);
          for (const { what, by: side, node: host, givesUp } of rounds) {
            claim.meet(what, side, host ?? claim.chosen);
            await claim.call(side, givesUp);
          }
          await scheduler.waitIdle();
          const having = claim.everything();
          expect(having.length).toBeLessThanOrEqual(1);
          expect([...having, undefined]).toContain(claim.acknowledged);
          if (claim.acknowledged) expect(having).toEqual([claim.acknowledged]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('that are asked one after the other make a name once, on any node', async () => {
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
